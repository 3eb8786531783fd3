/// The parameters that give a quantized tensor's integers their meaning: `x = scale * (q - zeroPoint)`.
///
/// Scale is the real value of one step. Values are made by the checking initializers only, so every quantizer that
/// exists has positive finite scales, zero points inside the element type's range, and as many of them as channels.
public struct Quantizer: Sendable, Equatable {
  /// The three forms a tensor can have.
  public enum Parameters: Sendable, Equatable {
    /// One scale and zero point for all elements.
    case perTensor(scale: Double, zeroPoint: Int)
    /// A scale and zero point for each index of `axis`.
    case perChannel(scales: [Double], zeroPoints: [Int], axis: Int)
    /// A scale and a real zero point for each index of `axis`: `x = (q - zeroPoint) * scale`.
    case perChannelFloat(scales: [Float], zeroPoints: [Float], axis: Int)
  }

  /// The parameters.
  public let parameters: Parameters

  /// The tensor's scheme.
  public var scheme: QScheme {
    switch parameters {
    case .perTensor: .perTensorAffine
    case .perChannel: .perChannelAffine
    case .perChannelFloat: .perChannelAffineFloatQParams
    }
  }

  /// The channel axis, nil for per-tensor parameters.
  public var axis: Int? {
    switch parameters {
    case .perTensor: nil
    case .perChannel(_, _, let axis), .perChannelFloat(_, _, let axis): axis
    }
  }

  /// One scale and zero point.
  ///
  /// - Throws: `invalidQuantizer` when `scale` isn't positive and finite, as float32 too, or `zeroPoint` lies outside
  ///   the range of `dtype`.
  public init(scale: Double, zeroPoint: Int, dtype: DType, operation: String = "Quantizer")
    throws(OctetError)
  {
    try Self.check(scale: scale, operation: operation)
    try Self.check(zeroPoint: zeroPoint, dtype: dtype, operation: operation)
    parameters = .perTensor(scale: scale, zeroPoint: zeroPoint)
  }

  /// A scale and zero point for each index of `axis` of a tensor of `shape`.
  public init(
    scales: [Double], zeroPoints: [Int], axis: Int, shape: [Int], dtype: DType,
    operation: String = "Quantizer"
  ) throws(OctetError) {
    let axis = try Self.check(
      counts: (scales.count, zeroPoints.count), axis: axis, shape: shape, operation: operation)
    for scale in scales { try Self.check(scale: scale, operation: operation) }
    for zero in zeroPoints { try Self.check(zeroPoint: zero, dtype: dtype, operation: operation) }
    parameters = .perChannel(scales: scales, zeroPoints: zeroPoints, axis: axis)
  }

  /// A scale and a real zero point for each index of `axis`. `qint32` is refused.
  public init(
    scales: [Float], floatZeroPoints zeroPoints: [Float], axis: Int, shape: [Int], dtype: DType,
    operation: String = "Quantizer"
  ) throws(OctetError) {
    let axis = try Self.check(
      counts: (scales.count, zeroPoints.count), axis: axis, shape: shape, operation: operation)
    guard dtype.isQuantized, dtype != .qint32 else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "dtype",
        expected: "quint8, qint8, quint4x2 or quint2x4 for float zero points",
        received: "dtype \(dtype.rawValue)")
    }
    for scale in scales { try Self.check(scale: Double(scale), operation: operation) }
    for zero in zeroPoints where !zero.isFinite {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "zero_point",
        expected: "finite zero points", received: "zero point \(zero)")
    }
    parameters = .perChannelFloat(scales: scales, zeroPoints: zeroPoints, axis: axis)
  }

  /// For parameters that are right by construction: taken from a quantizer that exists.
  package init(trusted parameters: Parameters) { self.parameters = parameters }

  private static func check(scale: Double, operation: String) throws(OctetError) {
    let single = Float(scale)
    guard scale.isFinite, single.isFinite, single > 0 else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "scale",
        expected: "a positive finite scale", received: "scale \(scale)",
        fix: "take the scale from an observer that has seen data")
    }
  }

  private static func check(zeroPoint: Int, dtype: DType, operation: String) throws(OctetError) {
    guard dtype.isQuantized, let range = dtype.integerRange else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "dtype",
        expected: "a quantized dtype", received: "dtype \(dtype.rawValue)",
        fix: "use quint8, qint8 or qint32")
    }
    guard range.contains(zeroPoint) else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "zero_point",
        expected: "a zero point in \(range.lowerBound)...\(range.upperBound) for \(dtype.rawValue)",
        received: "zero point \(zeroPoint)")
    }
  }

  private static func check(
    counts: (scales: Int, zeroPoints: Int), axis: Int, shape: [Int], operation: String
  ) throws(OctetError) -> Int {
    guard let normalized = Shapes.normalize(axis: axis, rank: shape.count) else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "axis",
        expected: "an axis below the rank \(shape.count)", received: "axis \(axis)")
    }
    let channels = shape[normalized]
    guard counts.scales == channels else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "scales",
        expected: "one scale for each of the \(channels) indices of axis \(normalized)",
        received: "\(counts.scales) scales")
    }
    guard counts.zeroPoints == channels else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "zero_points",
        expected: "one zero point for each of the \(channels) indices of axis \(normalized)",
        received: "\(counts.zeroPoints) zero points")
    }
    return normalized
  }
}
