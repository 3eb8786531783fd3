/// New tensors from sizes and numbers.
extension Tensor {
  /// Zeros. torch.zeros.
  ///
  /// - Parameter dtype: a plain one.
  public static func zeros(_ shape: [Int], dtype: DType = .float32) throws(OctetError) -> Tensor {
    let result = try plain(shape, dtype, "zeros")
    // All bits 0 is 0 in every plain type.
    result.storage.bytes.initializeMemory(
      as: UInt8.self, repeating: 0, count: result.storage.byteCount)
    return result
  }

  /// Ones. torch.ones.
  public static func ones(_ shape: [Int], dtype: DType = .float32) throws(OctetError) -> Tensor {
    try full(shape, 1, dtype: dtype)
  }

  /// One number everywhere, converted to `dtype` as `converted(to:)` does. torch.full.
  public static func full(_ shape: [Int], _ value: Double, dtype: DType = .float32)
    throws(OctetError) -> Tensor
  {
    let result = try plain(shape, dtype, "full")
    return try fill(result, value, "full")
  }

  /// Zeros of the shape, dtype and quantizer of `other`. torch.zeros_like.
  public static func zerosLike(_ other: Tensor) throws(OctetError) -> Tensor {
    try full(other.shape, 0, like: other, operation: "zeros_like")
  }

  /// Ones of the shape, dtype and quantizer of `other`. torch.ones_like.
  public static func onesLike(_ other: Tensor) throws(OctetError) -> Tensor {
    try full(other.shape, 1, like: other, operation: "ones_like")
  }

  /// One number in the shape, dtype and quantizer of `other`; per-channel quantizers are refused. torch.full_like.
  public static func fullLike(_ other: Tensor, _ value: Double) throws(OctetError) -> Tensor {
    try full(other.shape, value, like: other, operation: "full_like")
  }

  /// `start`, `start + step`, ... below `end` (above it for negative steps). torch.arange.
  public static func arange(
    _ start: Double, _ end: Double, step: Double = 1, dtype: DType = .float32
  ) throws(OctetError) -> Tensor {
    let count = ((end - start) / step).rounded(.up)
    guard step != 0, count.isFinite, count < 0x1p53 else {
      throw OctetError(
        .invalidArgument, operation: "arange", argument: "step",
        expected: "finite ends and a step other than 0",
        received: "start \(start), end \(end), step \(step)")
    }
    return try sequence(Int(max(count, 0)), dtype, "arange") { start + Double($0) * step }
  }

  /// 0, 1, ... below `end`. torch.arange with one number.
  public static func arange(_ end: Double, dtype: DType = .float32) throws(OctetError) -> Tensor {
    try arange(0, end, dtype: dtype)
  }

  /// `count` numbers from `start` to `end`, evenly spaced, both ends among them. torch.linspace.
  public static func linspace(
    _ start: Double, _ end: Double, count: Int, dtype: DType = .float32
  ) throws(OctetError) -> Tensor {
    let step = count > 1 ? (end - start) / Double(count - 1) : 0
    // From the nearer end, so that both are exact.
    return try sequence(count, dtype, "linspace") { i in
      i < (count + 1) / 2 ? start + Double(i) * step : end - Double(count - 1 - i) * step
    }
  }

  /// The identity matrix `[n, n]`. torch.eye.
  public static func eye(_ n: Int, dtype: DType = .float32) throws(OctetError) -> Tensor {
    let places = try sequence(n, .float32, "eye") { Double($0) }
    let column = try places.reshaped([n, 1])
    return try Functional.equalElements(column, places).converted(to: dtype)
  }

  /// Numbers spread evenly over 0..<1. torch.rand.
  ///
  /// - Parameter random: the seeded generator to draw from.
  public static func rand(
    _ shape: [Int], dtype: DType = .float32, random: RandomSource = .shared
  ) throws(OctetError) -> Tensor {
    let result = try plain(shape, .float32, "rand")
    result.withMutableElements(Float.self) { elements in
      for i in elements.indices { elements[i] = Float(random.next() >> 40) * 0x1p-24 }
    }
    return try real(result, dtype, "rand")
  }

  /// Numbers of the normal distribution with mean 0 and variance 1. torch.randn.
  public static func randn(
    _ shape: [Int], dtype: DType = .float32, random: RandomSource = .shared
  ) throws(OctetError) -> Tensor {
    let result = try plain(shape, .float32, "randn")
    random.normal(count: result.count).withUnsafeBytes { result.storage.fill(from: $0) }
    return try real(result, dtype, "randn")
  }

  /// Whole numbers spread evenly over a range, int64. torch.randint.
  public static func randint(
    _ range: Range<Int>, _ shape: [Int], random: RandomSource = .shared
  ) throws(OctetError) -> Tensor {
    let (width, overflow) = range.upperBound.subtractingReportingOverflow(range.lowerBound)
    guard width > 0, !overflow else {
      throw OctetError(
        .invalidArgument, operation: "randint", argument: "range",
        expected: "a range with at least one number", received: "\(range)")
    }
    let result = try plain(shape, .int64, "randint")
    result.withMutableElements(Int64.self) { elements in
      for i in elements.indices {
        // The high half of a 128-bit product is even to within 2^-64 times the width.
        let place = random.next().multipliedFullWidth(by: UInt64(width)).high
        elements[i] = Int64(range.lowerBound) + Int64(place)
      }
    }
    return result
  }

  private static func plain(_ shape: [Int], _ dtype: DType, _ operation: String)
    throws(OctetError) -> Tensor
  {
    guard !dtype.isQuantized else {
      throw OctetError(
        .quantizationMismatch, operation: operation, argument: "dtype",
        expected: "a plain dtype", received: "dtype \(dtype.rawValue)",
        fix: "quantize the result with quantize_per_tensor")
    }
    return try Tensor(uninitialized: shape, dtype: dtype, operation: operation)
  }

  private static func real(_ tensor: Tensor, _ dtype: DType, _ operation: String)
    throws(OctetError) -> Tensor
  {
    guard dtype.isFloatingPoint else {
      throw OctetError(
        .dtypeMismatch, operation: operation, argument: "dtype", expected: "a float dtype",
        received: "dtype \(dtype.rawValue)")
    }
    return try tensor.converted(to: dtype)
  }

  private static func sequence(
    _ count: Int, _ dtype: DType, _ operation: String, _ value: (Int) -> Double
  ) throws(OctetError) -> Tensor {
    let result = try plain([count], .float64, operation)
    result.withMutableElements(Double.self) { elements in
      for i in elements.indices { elements[i] = value(i) }
    }
    return try result.converted(to: dtype)
  }

  /// `value` in another shape, with the dtype and quantizer of `other`.
  static func full(_ shape: [Int], _ value: Double, like other: Tensor, operation: String)
    throws(OctetError) -> Tensor
  {
    try other.requirePlainElements(operation)
    let result = try Tensor(
      uninitialized: shape, dtype: other.dtype, quantizer: other.quantizer,
      format: shape == other.shape ? other.preferredFormat : .contiguous, operation: operation)
    return try fill(result, value, operation)
  }

  private static func fill(_ result: Tensor, _ value: Double, _ operation: String)
    throws(OctetError) -> Tensor
  {
    let bits = try StoredBits.of(value, result.spec, operation: operation)
    let start = result.storage.bytes
    switch result.dtype.bitWidth {
    case 8:
      start.initializeMemory(
        as: UInt8.self, repeating: UInt8(truncatingIfNeeded: bits), count: result.count)
    case 16:
      start.initializeMemory(
        as: UInt16.self, repeating: UInt16(truncatingIfNeeded: bits), count: result.count)
    case 32:
      start.initializeMemory(
        as: UInt32.self, repeating: UInt32(truncatingIfNeeded: bits), count: result.count)
    default: start.initializeMemory(as: UInt64.self, repeating: bits, count: result.count)
    }
    return result
  }
}
