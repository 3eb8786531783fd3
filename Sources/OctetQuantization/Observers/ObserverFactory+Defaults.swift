import OctetTensor

/// The recipes that torch names `default_..._observer`.
extension ObserverFactory {
  /// Extremes, quint8 in 0...127: static quantization of activations. torch's default_observer.
  public static let defaultObserver = minMax(
    RangeSettings(known: .quint8, .perTensorAffine, range: 0...127))

  /// Collects nothing, float32. torch's default_placeholder_observer.
  public static let defaultPlaceholderObserver = PlaceholderObserver.factory()

  /// Keeps all inputs. torch's default_debug_observer.
  public static let defaultDebugObserver = RecordingObserver.factory()

  /// Extremes, qint8, symmetric. torch's default_weight_observer.
  public static let defaultWeightObserver = minMax(
    RangeSettings(known: .qint8, .perTensorSymmetric))

  /// Extremes, qint8 in -127...127, symmetric, scales from 2^-12. torch's weight_observer_range_neg_127_to_127.
  public static let weightObserverRangeNeg127To127 = minMax(
    RangeSettings(known: .qint8, .perTensorSymmetric, range: -127...127, eps: 0x1p-12))

  /// A histogram, quint8 in 0...127. torch's default_histogram_observer.
  public static let defaultHistogramObserver = histogram(
    RangeSettings(known: .quint8, .perTensorAffine, range: 0...127))

  /// Extremes of each channel of axis 0, qint8, symmetric. torch's default_per_channel_weight_observer.
  public static let defaultPerChannelWeightObserver = perChannelMinMax(
    RangeSettings(known: .qint8, .perChannelSymmetric))

  /// As `defaultPerChannelWeightObserver` in -127...127, scales from 2^-12. torch's
  /// per_channel_weight_observer_range_neg_127_to_127.
  public static let perChannelWeightObserverRangeNeg127To127 = perChannelMinMax(
    RangeSettings(known: .qint8, .perChannelSymmetric, range: -127...127, eps: 0x1p-12))

  /// Collects nothing: parameters for quint8 are chosen at run time. torch's default_dynamic_quant_observer.
  public static let defaultDynamicQuantObserver = PlaceholderObserver.factory(
    dtype: .quint8, quantMin: 0, quantMax: 255, isDynamic: true)

  /// Rows with a scale and a real zero point, quint8: embedding tables. torch's default_float_qparams_observer.
  public static let defaultFloatQParamsObserver = perChannelMinMax(
    RangeSettings(known: .quint8, .perChannelAffineFloatQParams))

  /// As `defaultFloatQParamsObserver` in 4 bits. torch's default_float_qparams_observer_4bit.
  public static let defaultFloatQParamsObserver4Bit = perChannelMinMax(
    RangeSettings(known: .quint4x2, .perChannelAffineFloatQParams))

  /// Scale 2/256 and zero point 128: tanh. torch's default_fixed_qparams_range_neg1to1_observer.
  public static let defaultFixedQParamsRangeNeg1To1Observer = fixedQParams(
    FixedQParamsObserver.Values(scale: 2.0 / 256, zeroPoint: 128))

  /// Scale 1/256 and zero point 0: sigmoid. torch's default_fixed_qparams_range_0to1_observer.
  public static let defaultFixedQParamsRange0To1Observer = fixedQParams(
    FixedQParamsObserver.Values(scale: 1.0 / 256, zeroPoint: 0))

  /// The output keeps the input's parameters. torch's default_reuse_input_observer.
  public static let defaultReuseInputObserver = ObserverFactory("ReuseInputObserver()") {
    ReuseInputObserver()
  }

  /// A side that isn't quantized. torch.nn.Identity.
  public static let identity = ObserverFactory("Identity()") { IdentityObserver() }
}
