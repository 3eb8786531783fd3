import OctetTensor

/// How the operators of a backend are quantized: what a quantizer's patterns annotate with.
/// torch.ao.quantization.quantizer.xnnpack_quantizer_utils.QuantizationConfig.
public struct QuantizationConfig: Sendable, Equatable {
  /// What operators read.
  public var inputActivation: QuantizationSpec?
  /// What operators make.
  public var outputActivation: QuantizationSpec?
  /// Weights.
  public var weight: QuantizationSpec?
  /// True for training: batch norms stay.
  public var isQAT: Bool

  /// A configuration of parts; what is nil stays in float.
  public init(
    inputActivation: QuantizationSpec?, outputActivation: QuantizationSpec?,
    weight: QuantizationSpec?, isQAT: Bool = false
  ) {
    self.inputActivation = inputActivation
    self.outputActivation = outputActivation
    self.weight = weight
    self.isQAT = isQAT
  }

  /// True when inputs are quantized with parameters that are chosen for each.
  public var isDynamic: Bool { inputActivation?.isDynamic == true }

  /// Scales aren't chosen below this.
  private static let eps: Float = 0x1p-12

  /// What XNNPACK wants: activations int8, affine; weights int8, symmetric.
  /// torch.ao.quantization.quantizer.xnnpack_quantizer.get_symmetric_quantization_config.
  ///
  /// - Parameters:
  ///   - isPerChannel: a weight scale for each index of the first axis.
  ///   - isQAT: fake quantizers in place of observers.
  ///   - isDynamic: inputs get their parameters at run time, outputs stay in float.
  ///   - activation: the integers of activations.
  ///   - weight: the integers of weights.
  /// - Throws: `invalidConfiguration` for integers that int8 hasn't.
  public static func symmetric(
    isPerChannel: Bool = false, isQAT: Bool = false, isDynamic: Bool = false,
    activation: ClosedRange<Int> = -128...127, weight: ClosedRange<Int> = -127...127
  ) throws(OctetError) -> QuantizationConfig {
    let input = try QuantizationSpec(
      activationObserver(.int8, activation, isQAT: isQAT, isDynamic: isDynamic))
    return QuantizationConfig(
      inputActivation: input, outputActivation: isDynamic ? nil : input,
      weight: try QuantizationSpec(
        weightObserver(weight, isPerChannel: isPerChannel, isQAT: isQAT)), isQAT: isQAT)
  }

  /// What TorchInductor wants on x86: activations uint8, affine; weights int8, symmetric, a scale for each index of the first axis.
  /// torch.ao.quantization.quantizer.x86_inductor_quantizer.get_default_x86_inductor_quantization_config.
  ///
  /// - Parameters:
  ///   - isQAT: fake quantizers in place of observers.
  ///   - isDynamic: inputs get their parameters at run time.
  ///   - reduceRange: 0...127 for activations, for CPUs whose 16-bit sums saturate; Octet's never do.
  public static func x86Inductor(
    isQAT: Bool = false, isDynamic: Bool = false, reduceRange: Bool = false
  ) throws(OctetError) -> QuantizationConfig {
    let input = try QuantizationSpec(
      activationObserver(
        .uint8, 0...(reduceRange ? 127 : 255), isQAT: isQAT, isDynamic: isDynamic))
    return QuantizationConfig(
      inputActivation: input, outputActivation: input,
      weight: try QuantizationSpec(weightObserver(-128...127, isPerChannel: true, isQAT: isQAT)),
      isQAT: isQAT)
  }

  /// What tables want: rows of uint8 with a real zero point, nothing else.
  static func tables() throws(OctetError) -> QuantizationConfig {
    QuantizationConfig(
      inputActivation: nil, outputActivation: nil,
      weight: try QuantizationSpec(
        PerChannelMinMaxObserver.factory(
          dtype: .uint8, scheme: .perChannelAffineFloatQParams, eps: eps)))
  }

  private static func activationObserver(
    _ dtype: DType, _ range: ClosedRange<Int>, isQAT: Bool, isDynamic: Bool
  ) throws(OctetError) -> ObserverFactory {
    let (low, high) = (range.lowerBound, range.upperBound)
    switch (isQAT, isDynamic) {
    case (false, false):
      return try HistogramObserver.factory(dtype: dtype, quantMin: low, quantMax: high, eps: eps)
    case (false, true):
      // The range is checked by those who collect one.
      _ = try MinMaxObserver.factory(dtype: dtype, quantMin: low, quantMax: high)
      return PlaceholderObserver.factory(
        dtype: dtype, quantMin: low, quantMax: high, eps: eps, isDynamic: true)
    case (true, false):
      return try FusedMovingAvgObsFakeQuantize.factory(
        observer: MovingAverageMinMaxObserver.factory(
          dtype: dtype, quantMin: low, quantMax: high, eps: eps))
    case (true, true):
      return try FakeQuantize.factory(
        observer: MovingAverageMinMaxObserver.factory(
          averagingConstant: 1, dtype: dtype, quantMin: low, quantMax: high, eps: eps,
          isDynamic: true))
    }
  }

  private static func weightObserver(
    _ range: ClosedRange<Int>, isPerChannel: Bool, isQAT: Bool
  ) throws(OctetError) -> ObserverFactory {
    let (low, high) = (range.lowerBound, range.upperBound)
    let scheme = isPerChannel ? QScheme.perChannelSymmetric : .perTensorSymmetric
    switch (isPerChannel, isQAT) {
    case (false, false):
      return try MinMaxObserver.factory(
        dtype: .int8, scheme: scheme, quantMin: low, quantMax: high, eps: eps)
    case (true, false):
      return try PerChannelMinMaxObserver.factory(
        dtype: .int8, scheme: scheme, quantMin: low, quantMax: high, eps: eps)
    case (false, true):
      return try FusedMovingAvgObsFakeQuantize.factory(
        observer: MovingAverageMinMaxObserver.factory(
          dtype: .int8, scheme: scheme, quantMin: low, quantMax: high, eps: eps))
    case (true, true):
      return try FusedMovingAvgObsFakeQuantize.factory(
        observer: MovingAveragePerChannelMinMaxObserver.factory(
          dtype: .int8, scheme: scheme, quantMin: low, quantMax: high, eps: eps))
    }
  }
}
