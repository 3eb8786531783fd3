import OctetTensor

/// The configurations that torch.ao.quantization.qconfig names, for observers.
extension QConfig {
  /// Extremes for activations (quint8, 0...127) and for the whole weight. torch's default_qconfig.
  public static let `default` = QConfig(
    activation: .defaultObserver, weight: .defaultWeightObserver)

  /// Records activations; conversion fails for want of parameters. torch's default_debug_qconfig.
  public static let defaultDebug = QConfig(
    activation: .defaultDebugObserver, weight: .defaultWeightObserver)

  /// As `default` with a scale for each output channel of the weight. torch's default_per_channel_qconfig.
  public static let defaultPerChannel = QConfig(
    activation: .defaultObserver, weight: .defaultPerChannelWeightObserver)

  /// Activations quantized at run time, one scale for the weight. torch's default_dynamic_qconfig.
  public static let defaultDynamic = QConfig(
    activation: .defaultDynamicQuantObserver, weight: .defaultWeightObserver)

  /// Activations quantized at run time, a scale for each channel of the weight. torch's per_channel_dynamic_qconfig.
  public static let perChannelDynamic = QConfig(
    activation: .defaultDynamicQuantObserver, weight: .defaultPerChannelWeightObserver)

  /// Weights in float16, arithmetic in float32. torch's float16_dynamic_qconfig.
  public static let float16Dynamic = QConfig(
    activation: PlaceholderObserver.factory(dtype: .float16, isDynamic: true),
    weight: PlaceholderObserver.factory(dtype: .float16))

  /// Activations and weights rounded to float16. torch's float16_static_qconfig.
  public static let float16Static = QConfig(
    activation: PlaceholderObserver.factory(dtype: .float16),
    weight: PlaceholderObserver.factory(dtype: .float16))

  /// Embedding tables with a scale and a real zero point for each row. torch's float_qparams_weight_only_qconfig.
  public static let floatQParamsWeightOnly = QConfig(
    activation: .defaultPlaceholderObserver, weight: .defaultFloatQParamsObserver)

  /// As `floatQParamsWeightOnly` in 4 bits. torch's float_qparams_weight_only_qconfig_4bit.
  public static let floatQParamsWeightOnly4Bit = QConfig(
    activation: .defaultPlaceholderObserver, weight: .defaultFloatQParamsObserver4Bit)

  /// The output keeps the input's parameters. torch's default_reuse_input_qconfig.
  public static let defaultReuseInput = QConfig(
    activation: .defaultReuseInputObserver, weight: NoopObserver.factory())

  /// quint8 weights, affine. torch's default_quint8_weight_qconfig.
  public static let defaultQuint8Weight = QConfig(
    activation: .histogram(RangeSettings(known: .quint8, .perTensorAffine)),
    weight: .minMax(RangeSettings(known: .quint8, .perTensorAffine)))

  /// Signed activations, weights in -127...127, scales from 2^-12. torch's default_symmetric_qnnpack_qconfig.
  public static let defaultSymmetricQNNPACK = QConfig(
    activation: .histogram(RangeSettings(known: .qint8, .perTensorAffine, eps: 0x1p-12)),
    weight: .weightObserverRangeNeg127To127)

  /// As `defaultSymmetricQNNPACK` with a scale for each output channel of the weight. torch's
  /// default_per_channel_symmetric_qnnpack_qconfig.
  public static let defaultPerChannelSymmetricQNNPACK = QConfig(
    activation: .histogram(RangeSettings(known: .qint8, .perTensorAffine, eps: 0x1p-12)),
    weight: .perChannelWeightObserverRangeNeg127To127)
}
