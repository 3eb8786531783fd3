/// Truth values of two tensors, element by element; what isn't 0 counts as true. torch.logical_and, logical_or, logical_xor.
struct Logical: Operator {
  static let torchName = "logical_and"

  enum Kind: String, Sendable, CaseIterable {
    case and = "logical_and"
    case or = "logical_or"
    case exclusiveOr = "logical_xor"
  }

  let kind: Kind

  var name: String { kind.rawValue }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: DType.plain)
    try require(inputs[1], "other", dtypes: DType.plain)
    return TensorSpec(
      shape: try broadcastShape(inputs[0].shape, inputs[1].shape), dtype: .bool)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (a, b, format) = try broadcastOperands(
      inputs[0].converted(to: .bool), inputs[1].converted(to: .bool), output.shape)
    let result = try Tensor(uninitialized: output.shape, dtype: .bool, format: format)
    a.withElements(Bool.self) { x in
      b.withElements(Bool.self) { y in
        result.withMutableElements(Bool.self) { z in
          switch kind {
          case .and: for i in 0..<z.count { z[i] = x[i] && y[i] }
          case .or: for i in 0..<z.count { z[i] = x[i] || y[i] }
          case .exclusiveOr: for i in 0..<z.count { z[i] = x[i] != y[i] }
          }
        }
      }
    }
    return result
  }
}

/// Truth values of each element on its own. torch.logical_not, isnan, isinf, isfinite.
struct Predicate: Operator {
  static let torchName = "logical_not"

  enum Kind: String, Sendable, CaseIterable {
    case not = "logical_not"
    case isNaN = "isnan"
    case isInfinite = "isinf"
    case isFinite = "isfinite"
  }

  let kind: Kind

  var name: String { kind.rawValue }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: DType.plain)
    return TensorSpec(shape: inputs[0].shape, dtype: .bool)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let format = inputs[0].preferredFormat
    let result = try Tensor(uninitialized: output.shape, dtype: .bool, format: format)
    try inputs[0].converted(to: .float64).contiguous(format).withElements(Double.self) { x in
      result.withMutableElements(Bool.self) { z in
        switch kind {
        case .not: for i in 0..<z.count { z[i] = x[i] == 0 }
        case .isNaN: for i in 0..<z.count { z[i] = x[i].isNaN }
        case .isInfinite: for i in 0..<z.count { z[i] = x[i].isInfinite }
        case .isFinite: for i in 0..<z.count { z[i] = x[i].isFinite }
        }
      }
    }
    return result
  }
}

extension DType {
  /// The types that aren't quantized.
  static let plain = DType.allCases.filter { !$0.isQuantized }
}

extension Functional {
  // These take any plain dtypes, broadcast, and give bool.

  /// True where both elements aren't 0. torch.logical_and.
  public static func logicalAnd(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Logical(kind: .and), [a, b])
  }

  /// True where one of the elements isn't 0. torch.logical_or.
  public static func logicalOr(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Logical(kind: .or), [a, b])
  }

  /// True where exactly one of the elements isn't 0. torch.logical_xor.
  public static func logicalXor(_ a: Tensor, _ b: Tensor) throws(OctetError) -> Tensor {
    try apply(Logical(kind: .exclusiveOr), [a, b])
  }

  /// True where the element is 0. torch.logical_not.
  public static func logicalNot(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Predicate(kind: .not), [input])
  }

  /// True where the element isn't a number. torch.isnan.
  public static func isNaN(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Predicate(kind: .isNaN), [input])
  }

  /// True where the element is infinite. torch.isinf.
  public static func isInfinite(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Predicate(kind: .isInfinite), [input])
  }

  /// True where the element is neither infinite nor NaN. torch.isfinite.
  public static func isFinite(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Predicate(kind: .isFinite), [input])
  }

  /// True when an element isn't 0, over `dims`, all of them when the list is empty. torch.any.
  public static func any(_ input: Tensor, dims: [Int] = [], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try sum(input.converted(to: .bool), dims: dims, keepDims: keepDims).converted(to: .bool)
  }

  /// True when no element is 0, over `dims`, all of them when the list is empty. torch.all.
  public static func all(_ input: Tensor, dims: [Int] = [], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try logicalNot(any(logicalNot(input), dims: dims, keepDims: keepDims))
  }
}
