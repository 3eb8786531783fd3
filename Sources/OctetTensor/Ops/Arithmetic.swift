/// Arithmetic of two tensors, element by element, broadcast. torch.add, sub, mul, div, pow, minimum and maximum.
struct Arithmetic: DifferentiableOperator {
  static let torchName = "arithmetic"
  static var widensHalf: Bool { true }

  enum Kind: String, Sendable, CaseIterable {
    case add
    case subtract = "sub"
    case multiply = "mul"
    case divide = "div"
    case power = "pow"
    case minimum
    case maximum
  }
  let kind: Kind

  var name: String { kind.rawValue }

  private static let reals: [DType] = [.float32, .float64]
  private static let numbers = reals + [.uint8, .int8, .int16, .uint16, .int32, .int64]

  /// Integers have no division and no powers of their own.
  private var allowed: [DType] {
    kind == .divide || kind == .power ? Self.reals : Self.numbers
  }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: allowed)
    try require(inputs[1], "other", dtypes: allowed)
    guard inputs[0].dtype == inputs[1].dtype else {
      throw error(
        .dtypeMismatch, "other", expected: "the input's dtype \(inputs[0].dtype.rawValue)",
        received: "dtype \(inputs[1].dtype.rawValue)", fix: "convert one with converted(to:)")
    }
    return TensorSpec(
      shape: try broadcastShape(inputs[0].shape, inputs[1].shape), dtype: inputs[0].dtype)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    if isChannelwise(inputs[0].spec, inputs[1].spec), inputs[0].preferredFormat == .contiguous {
      return try combineChannels(inputs[0], inputs[1])
    }
    switch output.dtype {
    case .float32: return try combine(inputs, output, Float.self)
    case .float64: return try combine(inputs, output, Double.self)
    default: return try combineIntegers(inputs, output)
    }
  }

  private func combine<Real: RealScalar>(
    _ inputs: [Tensor], _ output: TensorSpec, _ type: Real.Type
  ) throws(OctetError) -> Tensor {
    let (a, b, format) = try broadcastOperands(inputs[0], inputs[1], output.shape)
    let result = try Tensor(uninitialized: output.shape, dtype: output.dtype, format: format)
    a.withElements(type) { x in
      b.withElements(type) { y in
        result.withMutableElements(type) { z in
          switch kind {
          case .add: for i in 0..<z.count { z[i] = x[i] + y[i] }
          case .subtract: for i in 0..<z.count { z[i] = x[i] - y[i] }
          case .multiply: for i in 0..<z.count { z[i] = x[i] * y[i] }
          case .divide: for i in 0..<z.count { z[i] = x[i] / y[i] }
          case .power: for i in 0..<z.count { z[i] = Real.power(x[i], y[i]) }
          // NaN wins, whichever operand it is.
          case .minimum: for i in 0..<z.count { z[i] = x[i] < y[i] || x[i] != x[i] ? x[i] : y[i] }
          case .maximum: for i in 0..<z.count { z[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i] }
          }
        }
      }
    }
    return result
  }

  /// Integers wrap around at the ends of their type, as in torch.
  private func combineIntegers(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError)
    -> Tensor
  {
    let (a, b, format) = try broadcastOperands(
      inputs[0].converted(to: .int64), inputs[1].converted(to: .int64), output.shape)
    let result = try Tensor(uninitialized: output.shape, dtype: .int64, format: format)
    a.withElements(Int64.self) { x in
      b.withElements(Int64.self) { y in
        result.withMutableElements(Int64.self) { z in
          switch kind {
          case .add: for i in 0..<z.count { z[i] = x[i] &+ y[i] }
          case .subtract: for i in 0..<z.count { z[i] = x[i] &- y[i] }
          case .multiply: for i in 0..<z.count { z[i] = x[i] &* y[i] }
          case .minimum: for i in 0..<z.count { z[i] = min(x[i], y[i]) }
          default: for i in 0..<z.count { z[i] = max(x[i], y[i]) }
          }
        }
      }
    }
    return try result.converted(to: output.dtype)
  }

  var saved: SavedForBackward { kind == .add || kind == .subtract ? [] : .inputs }

  /// Each operand's partial derivative times `dz`, summed over what was broadcast.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    if isChannelwise(context.inputSpecs[0], context.inputSpecs[1]) {
      return try channelGradients(context)
    }
    var results: [Tensor?] = [nil, nil]
    for i in 0...1 where context.needs[i] {
      let flowing =
        switch kind {
        case .add: context.gradient
        case .subtract: i == 0 ? context.gradient : try Functional.negative(context.gradient)
        case .multiply: try Functional.multiply(context.gradient, context.inputs[1 - i])
        default: try partial(i, context)
        }
      results[i] = try flowing.summed(to: context.inputSpecs[i].shape)
    }
    return results
  }

  private func partial(_ operand: Int, _ context: BackwardContext) throws(OctetError) -> Tensor {
    context.gradient.dtype == .float64
      ? try partial(operand, context, Double.self) : try partial(operand, context, Float.self)
  }

  private func partial<Real: RealScalar>(
    _ operand: Int, _ context: BackwardContext, _ type: Real.Type
  ) throws(OctetError) -> Tensor {
    let shape = context.gradient.shape
    let (a, b, _) = try broadcastOperands(context.inputs[0], context.inputs[1], shape)
    let (x, y): ([Real], [Real]) = (try a.elements(), try b.elements())
    let g: [Real] = try context.gradient.elements()
    return try Tensor(
      g.indices.map { g[$0] * derivative(x[$0], y[$0], operand) }, shape: shape)
  }

  /// The derivative with respect to one operand; equal operands of an extremum share it.
  private func derivative<Real: RealScalar>(_ x: Real, _ y: Real, _ operand: Int) -> Real {
    let isFirst = operand == 0
    switch kind {
    case .add: return 1
    case .subtract: return isFirst ? 1 : -1
    case .multiply: return isFirst ? y : x
    case .divide: return isFirst ? 1 / y : -x / (y * y)
    case .power:
      if isFirst { return y == 0 ? 0 : y * Real.power(x, y - 1) }
      return x == 0 && y >= 0 ? 0 : Real.power(x, y) * Real.log(x)
    case .minimum, .maximum:
      if x == y { return 0.5 }
      let firstWins = kind == .minimum ? x < y : x > y
      return firstWins == isFirst ? 1 : 0
    }
  }
}

extension Operator {
  /// The shape that torch's broadcasting gives.
  func broadcastShape(_ a: [Int], _ b: [Int]) throws(OctetError) -> [Int] {
    guard let shape = Shapes.broadcast(a, b) else {
      throw error(
        .shapeMismatch, "other", expected: "a shape that broadcasts with \(a)",
        received: "shape \(b)", fix: "sizes must agree or be 1, counted from the last dimension")
    }
    return shape
  }

  /// Both operands dense, of one shape and in one memory format, which is that of the operand that wasn't broadcast.
  func broadcastOperands(_ a: Tensor, _ b: Tensor, _ shape: [Int]) throws(OctetError) -> (
    a: Tensor, b: Tensor, format: MemoryFormat
  ) {
    let format = (a.shape == shape ? a : b.shape == shape ? b : a).preferredFormat
    func operand(_ x: Tensor) throws(OctetError) -> Tensor {
      if x.shape == shape { return try x.contiguous(format) }
      if format == .contiguous, x.isContiguous, shape.suffix(x.rank).elementsEqual(x.shape) {
        return try x.repeated(shape)
      }
      return try x.aliasExpanded(shape).contiguous(format)
    }
    return (try operand(a), try operand(b), format)
  }
}

extension Tensor {
  /// Copies of a contiguous tensor one behind the other, as its last dimensions make up `shape`.
  fileprivate func repeated(_ shape: [Int]) throws(OctetError) -> Tensor {
    try requirePlainElements("expand")
    let result = try Tensor(uninitialized: shape, dtype: dtype, quantizer: quantizer)
    let (bytes, total) = (count * dtype.bitWidth / 8, result.storage.byteCount)
    if bytes == 0 { return result }
    for start in stride(from: 0, to: total, by: bytes) {
      (result.storage.bytes + start).copyMemory(from: baseAddress, byteCount: bytes)
    }
    return result
  }
}

extension Functional {
  /// `x + y`, broadcast. torch.add.
  ///
  /// The operands of these functions have one plain dtype: float32, float64, the half types (computed in float32) or, but for
  /// division and powers, an integer type, which wraps around.
  public static func add(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .add), [x, y])
  }

  /// `x - y`, broadcast. torch.sub.
  public static func subtract(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .subtract), [x, y])
  }

  /// `x * y`, broadcast. torch.mul.
  public static func multiply(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .multiply), [x, y])
  }

  /// `x / y` of reals, broadcast. torch.div.
  public static func divide(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .divide), [x, y])
  }

  /// `x` to the power `y` of reals, broadcast. torch.pow.
  public static func power(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .power), [x, y])
  }

  /// The smaller of two elements, broadcast; NaN wins. torch.minimum.
  public static func minimum(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .minimum), [x, y])
  }

  /// The larger of two elements, broadcast; NaN wins. torch.maximum.
  public static func maximum(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .maximum), [x, y])
  }
}

extension Tensor {
  /// `Functional.add`, trapping on mistakes. Quantized tensors are added by `Quantized.QFunctional`.
  public static func + (x: Tensor, y: Tensor) -> Tensor { eager { try Functional.add(x, y) } }

  /// `Functional.subtract`, trapping on mistakes.
  public static func - (x: Tensor, y: Tensor) -> Tensor { eager { try Functional.subtract(x, y) } }

  /// `Functional.multiply`, trapping on mistakes. Quantized tensors are multiplied by `Quantized.QFunctional`.
  public static func * (x: Tensor, y: Tensor) -> Tensor { eager { try Functional.multiply(x, y) } }

  /// `Functional.divide`, trapping on mistakes.
  public static func / (x: Tensor, y: Tensor) -> Tensor { eager { try Functional.divide(x, y) } }

  /// `Functional.power`, trapping on mistakes.
  public func power(_ exponent: Tensor) -> Tensor {
    eager { try Functional.power(self, exponent) }
  }
}
