/// Truth values of a comparison between real values, with broadcasting. torch.eq, ne, lt, le, gt, ge.
struct Comparison: Operator {
  static let torchName = "eq"

  /// What is asked of two real values.
  enum Relation: String, Sendable, CaseIterable {
    case eq, ne, lt, le, gt, ge

    func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool {
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

  var name: String { relation.rawValue }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    TensorSpec(shape: try broadcastShape(inputs[0].shape, inputs[1].shape), dtype: .bool)
  }

  /// Quantized and half types are compared as float32, mixed types as float64 if one is real, and integers as int64.
  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let real = inputs.map(\.dtype).filter { $0.isQuantized || $0.isFloatingPoint }
    if real.isEmpty { return try compare(inputs.map(convertedToWords), output, Int64.self) }
    let isSingle = real.count == 2 && !real.contains(.float64)
    if !isSingle { return try compare(inputs.map(convertedToDouble), output, Double.self) }
    return try compare(inputs.map(convertedToSingle), output, Float.self)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  private func convertedToWords(_ x: Tensor) throws(OctetError) -> Tensor {
    try x.converted(to: .int64)
  }

  private func convertedToSingle(_ x: Tensor) throws(OctetError) -> Tensor {
    x.isQuantized ? try x.dequantized() : try x.converted(to: .float32)
  }

  private func convertedToDouble(_ x: Tensor) throws(OctetError) -> Tensor {
    try (x.isQuantized ? x.dequantized() : x).converted(to: .float64)
  }

  private func compare<Scalar: TensorScalar & Comparable>(
    _ operands: [Tensor], _ output: TensorSpec, _ type: Scalar.Type
  ) throws(OctetError) -> Tensor {
    let (a, b, format) = try broadcastOperands(operands[0], operands[1], output.shape)
    let result = try Tensor(uninitialized: output.shape, dtype: .bool, format: format)
    a.withElements(type) { x in
      b.withElements(type) { y in
        result.withMutableElements(Bool.self) { z in
          for i in 0..<z.count { z[i] = relation.holds(x[i], y[i]) }
        }
      }
    }
    return result
  }
}

extension Functional {
  /// True where `a == b`, compared as real values (integers as integers); shapes broadcast. torch.eq.
  ///
  /// - Parameters:
  ///   - a: any dtype and scheme.
  ///   - b: any dtype and scheme; a number is a tensor of shape [].
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
  /// `Functional.equalElements`, trapping on mistakes. torch's `eq`.
  public func eq(_ other: Tensor) -> Tensor {
    eager { try Functional.equalElements(self, other) }
  }

  /// `Functional.unequalElements`, trapping on mistakes. torch's `ne`.
  public func ne(_ other: Tensor) -> Tensor {
    eager { try Functional.unequalElements(self, other) }
  }

  /// `Functional.less`, trapping on mistakes. torch's `lt`.
  public func lt(_ other: Tensor) -> Tensor { eager { try Functional.less(self, other) } }

  /// `Functional.lessOrEqual`, trapping on mistakes. torch's `le`.
  public func le(_ other: Tensor) -> Tensor { eager { try Functional.lessOrEqual(self, other) } }

  /// `Functional.greater`, trapping on mistakes. torch's `gt`.
  public func gt(_ other: Tensor) -> Tensor { eager { try Functional.greater(self, other) } }

  /// `Functional.greaterOrEqual`, trapping on mistakes. torch's `ge`.
  public func ge(_ other: Tensor) -> Tensor {
    eager { try Functional.greaterOrEqual(self, other) }
  }

  /// `eq` with a number.
  public func eq(_ other: Double) -> Tensor { eq(Self.number(other)) }

  /// `ne` with a number.
  public func ne(_ other: Double) -> Tensor { ne(Self.number(other)) }

  /// `lt` with a number.
  public func lt(_ other: Double) -> Tensor { lt(Self.number(other)) }

  /// `le` with a number.
  public func le(_ other: Double) -> Tensor { le(Self.number(other)) }

  /// `gt` with a number.
  public func gt(_ other: Double) -> Tensor { gt(Self.number(other)) }

  /// `ge` with a number.
  public func ge(_ other: Double) -> Tensor { ge(Self.number(other)) }

  /// A number as torch compares with it: rounded to float32, unless that loses a whole number.
  private static func number(_ value: Double) -> Tensor {
    Double(Float(value)) == value || value.rounded() != value
      ? Tensor(scalar: Float(value)) : Tensor(scalar: value)
  }
}
