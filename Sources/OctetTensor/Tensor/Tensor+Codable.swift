/// Tensors in Swift's own coding: shape, dtype, quantizer and the stored bytes in logical order as Base64. Decoding checks
/// everything before it allocates: what comes from outside becomes an error, never a trap.
extension Tensor: Codable {
  private enum CodingKeys: String, CodingKey { case shape, dtype, quantizer, data }

  /// Writes the tensor; places on the tape and strides aren't kept.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(shape, forKey: .shape)
    try container.encode(dtype, forKey: .dtype)
    try container.encodeIfPresent(quantizer, forKey: .quantizer)
    try container.encode(contiguous().withBytes(Base64.encode), forKey: .data)
  }

  /// Reads a tensor.
  ///
  /// - Throws: `malformedFile` or `invalidQuantizer` for parts that don't fit each other, `DecodingError` for missing ones.
  public convenience init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let shape = try container.decode([Int].self, forKey: .shape)
    let dtype = try container.decode(DType.self, forKey: .dtype)
    let quantizer = try container.decodeIfPresent(Quantizer.self, forKey: .quantizer)
    guard let bytes = Base64.decode(try container.decode(String.self, forKey: .data)) else {
      throw Self.malformed("data", expected: "Base64", received: "other characters")
    }
    guard dtype.isQuantized == (quantizer != nil) else {
      throw Self.malformed(
        "quantizer", expected: dtype.isQuantized ? "a quantizer" : "none",
        received: "\(quantizer == nil ? "none" : "one") for dtype \(dtype.rawValue)")
    }
    try quantizer?.check(shape: shape, dtype: dtype, operation: "Tensor")
    if dtype == .bool, let wrong = bytes.first(where: { $0 > 1 }) {
      throw Self.malformed("data", expected: "bytes 0 and 1 for bool", received: "\(wrong)")
    }
    // Before anything is allocated: the shape may be of any size.
    guard let count = Shapes.elementCount(shape), dtype.byteCount(count) == bytes.count else {
      throw Self.malformed(
        "data", expected: "as many bytes as \(dtype.rawValue) of shape \(shape) takes",
        received: "\(bytes.count)")
    }
    try self.init(uninitialized: shape, dtype: dtype, quantizer: quantizer)
    bytes.withUnsafeBytes { storage.fill(from: $0) }
  }

  private static func malformed(_ argument: String, expected: String, received: String)
    -> OctetError
  {
    OctetError(
      .malformedFile, operation: "Tensor", argument: argument, expected: expected,
      received: received)
  }
}

extension Quantizer: Codable {
  private enum CodingKeys: String, CodingKey { case scheme, scales, zeroPoints, axis }

  /// Writes the scheme and its numbers.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(scheme, forKey: .scheme)
    try container.encodeIfPresent(axis, forKey: .axis)
    switch parameters {
    case .perTensor(let scale, let zeroPoint):
      try container.encode([scale], forKey: .scales)
      try container.encode([zeroPoint], forKey: .zeroPoints)
    case .perChannel(let scales, let zeroPoints, _):
      try container.encode(scales, forKey: .scales)
      try container.encode(zeroPoints, forKey: .zeroPoints)
    case .perChannelFloat(let scales, let zeroPoints, _):
      try container.encode(scales, forKey: .scales)
      try container.encode(zeroPoints, forKey: .zeroPoints)
    }
  }

  /// Reads a quantizer; how it fits a shape and an element type is checked with those.
  ///
  /// - Throws: `invalidQuantizer` for numbers that no quantizer may have.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let scheme = try container.decode(QScheme.self, forKey: .scheme)
    // Zero points are held against the tensor's element type later, here against the widest one.
    switch scheme {
    case .perTensorAffine, .perTensorSymmetric:
      let scales = try container.decode([Double].self, forKey: .scales)
      let zeros = try container.decode([Int].self, forKey: .zeroPoints)
      guard scales.count == 1, zeros.count == 1 else {
        throw OctetError(
          .invalidQuantizer, operation: "Quantizer", argument: "scales",
          expected: "one scale and zero point", received: "\(scales.count) and \(zeros.count)")
      }
      try self.init(scale: scales[0], zeroPoint: zeros[0], dtype: .qint32)
    case .perChannelAffine, .perChannelSymmetric:
      let scales = try container.decode([Double].self, forKey: .scales)
      let axis = try container.decode(Int.self, forKey: .axis)
      try self.init(
        scales: scales, zeroPoints: container.decode([Int].self, forKey: .zeroPoints), axis: axis,
        shape: Self.shape(scales.count, axis), dtype: .qint32)
    case .perChannelAffineFloatQParams:
      let scales = try container.decode([Float].self, forKey: .scales)
      let axis = try container.decode(Int.self, forKey: .axis)
      try self.init(
        scales: scales, floatZeroPoints: container.decode([Float].self, forKey: .zeroPoints),
        axis: axis, shape: Self.shape(scales.count, axis), dtype: .quint8)
    }
  }

  /// A shape with that many channels along the axis. Tensors of more than 64 dimensions don't occur.
  private static func shape(_ channels: Int, _ axis: Int) throws(OctetError) -> [Int] {
    guard (0..<64).contains(axis) else {
      throw OctetError(
        .invalidQuantizer, operation: "Quantizer", argument: "axis", expected: "an axis in 0..<64",
        received: "\(axis)")
    }
    return [Int](repeating: 1, count: axis) + [channels]
  }

  /// Whether the parameters go with a shape and an element type.
  func check(shape: [Int], dtype: DType, operation: String) throws(OctetError) {
    switch parameters {
    case .perTensor(let scale, let zeroPoint):
      _ = try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: dtype, operation: operation)
    case .perChannel(let scales, let zeroPoints, let axis):
      _ = try Quantizer(
        scales: scales, zeroPoints: zeroPoints, axis: axis, shape: shape, dtype: dtype,
        operation: operation)
    case .perChannelFloat(let scales, let zeroPoints, let axis):
      _ = try Quantizer(
        scales: scales, floatZeroPoints: zeroPoints, axis: axis, shape: shape, dtype: dtype,
        operation: operation)
    }
  }
}
