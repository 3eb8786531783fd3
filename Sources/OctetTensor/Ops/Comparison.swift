/// Truth values of a comparison between real values, with broadcasting. torch.eq, ne, lt, le, gt, ge.
struct Comparison: Operator {
  static let torchName = "eq"

  /// What is asked of two real values.
  enum Relation: String, Sendable, CaseIterable {
    case eq, ne, lt, le, gt, ge

    func holds(_ a: Float, _ b: Float) -> Bool {
      switch self {
      case .eq: a == b
      case .ne: a != b
      case .lt: a < b
      case .le: a <= b
      case .gt: a > b
      case .ge: a >= b
      }
    }
  }

  let relation: Relation

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    for (spec, name) in zip(inputs, ["self", "other"]) {
      guard spec.isQuantized || spec.dtype == .float32 else {
        throw OctetError(
          .dtypeMismatch, operation: relation.rawValue, argument: name,
          expected: "float32 or a quantized dtype", received: "dtype \(spec.dtype.rawValue)",
          fix: "convert it to float32 first")
      }
    }
    guard let shape = Shapes.broadcast(inputs[0].shape, inputs[1].shape) else {
      throw OctetError(
        .shapeMismatch, operation: relation.rawValue, argument: "other",
        expected: "a shape that broadcasts with \(inputs[0].shape)",
        received: "shape \(inputs[1].shape)")
    }
    return TensorSpec(shape: shape, dtype: .bool)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let a: [Float] = try inputs[0].dequantized().expanded(output.shape).elements()
    let b: [Float] = try inputs[1].dequantized().expanded(output.shape).elements()
    return try Tensor(zip(a, b).map { relation.holds($0, $1) }, shape: output.shape)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }
}

extension Functional {
  /// True where `a == b`, compared as real values in float32; shapes broadcast. torch.eq.
  ///
  /// - Parameters:
  ///   - a: float32 or quantized, any scheme.
  ///   - b: float32 or quantized, any scheme; a number is a tensor of shape [].
  public static func equalElements(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Comparison(relation: .eq), [a, b])
  }

  /// True where `a != b`, as `equalElements`. torch.ne.
  public static func unequalElements(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Comparison(relation: .ne), [a, b])
  }

  /// True where `a < b`, as `equalElements`. torch.lt.
  public static func less(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Comparison(relation: .lt), [a, b])
  }

  /// True where `a <= b`, as `equalElements`. torch.le.
  public static func lessOrEqual(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Comparison(relation: .le), [a, b])
  }

  /// True where `a > b`, as `equalElements`. torch.gt.
  public static func greater(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Comparison(relation: .gt), [a, b])
  }

  /// True where `a >= b`, as `equalElements`. torch.ge.
  public static func greaterOrEqual(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Comparison(relation: .ge), [a, b])
  }
}

extension Tensor {
  /// True when element type, shape, quantizer and all elements agree. torch.equal.
  public func equal(_ other: Tensor) throws(OctetError) -> Bool {
    guard dtype == other.dtype, shape == other.shape, quantizer == other.quantizer else {
      return false
    }
    let (a, b) = (try contiguous(), try other.contiguous())
    return a.withBytes { x in b.withBytes { y in x.elementsEqual(y) } }
  }
}
