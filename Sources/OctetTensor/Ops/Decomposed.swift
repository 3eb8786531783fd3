/// Quantization spelled out on plain integer tensors: the operators that exported graphs hold.
/// torch.ops.quantized_decomposed.
///
/// Results are plain tensors; scales and zero points are arguments, never part of a tensor. Arithmetic takes the precision of
/// the scales: double for float64 ones, float32 otherwise. Ties round to even, results are clamped to
/// `quantMin...quantMax`, and NaN becomes `quantMax`.
public enum QuantizedDecomposed {}

/// Which elements share a scale and a zero point.
enum DecomposedSpan: Sendable, Equatable {
  /// All of them.
  case tensor
  /// Each index of an axis has its own.
  case channel(axis: Int)
  /// Each row along the last dimension has its own.
  case token
  /// Each run of `size` elements of a row has its own.
  case group(size: Int)

  /// Real zero points belong to rows of tables.
  static let zeroPointTypes: [DType] = [.int64, .int32, .int8, .uint8, .float32, .float64]

  /// How many parameters a tensor of `shape` needs, and how many elements in memory order go by before the next one's turn:
  /// element `i` takes parameter `i / inner % count`.
  func layout(_ shape: [Int], operation: String) throws(OctetError) -> (count: Int, inner: Int) {
    switch self {
    case .tensor: return (1, max(shape.reduce(1, *), 1))
    case .channel(let axis):
      guard let axis = Shapes.normalize(axis: axis, rank: shape.count) else {
        throw OctetError(
          .invalidQuantizer, operation: operation, argument: "axis",
          expected: "an axis below the rank \(shape.count)", received: "axis \(axis)")
      }
      return (shape[axis], shape[(axis + 1)...].reduce(1, *))
    case .token:
      guard let last = shape.last else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: "input", expected: "shape [..., K]",
          received: "\(shape)")
      }
      return (shape.dropLast().reduce(1, *), last)
    case .group(let size):
      guard shape.count == 2, size > 1, shape[1] % size == 0 else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: "group_size",
          expected: "shape [O, K] and a group size above 1 that divides K",
          received: "group size \(size) for shape \(shape)")
      }
      return (shape[0] * (shape[1] / size), size)
    }
  }
}

extension Int {
  /// The nearest whole number that an `Int` can hold.
  init(clampingReal value: Double) {
    self = value >= 0x1p62 ? 1 << 62 : value <= -0x1p62 ? -(1 << 62) : Int(value)
  }
}

/// The integers that a decomposed operator may give, and the type that holds them.
struct DecomposedRange: Sendable, Equatable {
  let low: Int
  let high: Int
  let dtype: DType

  /// Checks `low...high` against `dtype`.
  init(_ low: Int, _ high: Int, dtype: DType, operation: String) throws(OctetError) {
    guard let range = dtype.integerRange, !dtype.isQuantized, dtype != .bool, dtype != .int64 else {
      throw OctetError(
        .dtypeMismatch, operation: operation, argument: "dtype",
        expected: "dtype uint8, int8, uint16, int16 or int32", received: "dtype \(dtype.rawValue)")
    }
    guard range.contains(low), range.contains(high), low <= high else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "quant_min",
        expected:
          "quant_min at most quant_max, both in \(range.lowerBound)...\(range.upperBound) for \(dtype.rawValue)",
        received: "quant_min \(low), quant_max \(high)")
    }
    self.low = low
    self.high = high
    self.dtype = dtype
  }
}

/// The scales and zero points of a decomposed operator, checked, in the precision that they are computed with.
struct DecomposedParameters<Real: BinaryFloatingPoint> {
  let scales: [Real]
  let zeroPoints: [Real]

  init<Zero: BinaryFloatingPoint>(
    _ scales: [Real], _ zeroPoints: [Zero], count: Int, operation: String
  ) throws(OctetError) {
    for (name, found) in [("scales", scales.count), ("zero_points", zeroPoints.count)]
    where found != count {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: name, expected: "\(count) \(name)",
        received: "\(found)")
    }
    for scale in scales where !(scale > 0 && scale.isFinite) {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "scales",
        expected: "positive finite scales", received: "scale \(scale)")
    }
    for zero in zeroPoints where !zero.isFinite {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "zero_points",
        expected: "finite zero points", received: "zero point \(zero)")
    }
    self.scales = scales
    self.zeroPoints = zeroPoints.map { Real($0) }
  }
}
