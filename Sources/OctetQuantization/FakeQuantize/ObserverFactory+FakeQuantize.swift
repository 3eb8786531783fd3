import OctetTensor

/// The recipes that torch names `default_..._fake_quant`.
extension ObserverFactory {
  /// Activations, quint8 in 0...127. torch's default_fake_quant.
  public static let defaultFakeQuant = fakeQuantize(
    movingAverageMinMax(
      RangeSettings(known: .quint8, .perTensorAffine, reduceRange: true, range: 0...255)))

  /// Weights, qint8, symmetric. torch's default_weight_fake_quant.
  public static let defaultWeightFakeQuant = fakeQuantize(
    movingAverageMinMax(RangeSettings(known: .qint8, .perTensorSymmetric, range: -128...127)))

  /// Weights, qint8, symmetric for each channel of axis 0. torch's default_per_channel_weight_fake_quant.
  public static let defaultPerChannelWeightFakeQuant = fakeQuantize(
    movingAveragePerChannelMinMax(
      RangeSettings(known: .qint8, .perChannelSymmetric, range: -128...127)))

  /// Activations of dynamic quantization: the last batch counts. torch's default_dynamic_fake_quant.
  public static let defaultDynamicFakeQuant = fakeQuantize(
    movingAverageMinMax(
      RangeSettings(known: .quint8, .perTensorAffine, range: 0...255, isDynamic: true),
      averagingConstant: 1))

  /// A histogram searched at every step, quint8 in 0...127. torch's default_histogram_fake_quant.
  public static let defaultHistogramFakeQuant = fakeQuantize(
    histogram(
      RangeSettings(known: .quint8, .perTensorAffine, reduceRange: true, range: 0...255)))

  /// Embedding tables: rows with a real zero point, quint8. torch's default_embedding_fake_quant.
  public static let defaultEmbeddingFakeQuant = fakeQuantize(
    movingAveragePerChannelMinMax(
      RangeSettings(known: .quint8, .perChannelAffineFloatQParams, range: 0...255),
      averagingConstant: 1))

  /// As `defaultEmbeddingFakeQuant` in 4 bits. torch's default_embedding_fake_quant_4bit.
  public static let defaultEmbeddingFakeQuant4Bit = fakeQuantize(
    movingAveragePerChannelMinMax(
      RangeSettings(known: .quint4x2, .perChannelAffineFloatQParams), averagingConstant: 1))

  /// Scale 2/256 and zero point 128: tanh. torch's default_fixed_qparams_range_neg1to1_fake_quant.
  public static let defaultFixedQParamsRangeNeg1To1FakeQuant = fixedQParamsFakeQuantize(
    .defaultFixedQParamsRangeNeg1To1Observer)

  /// Scale 1/256 and zero point 0: sigmoid. torch's default_fixed_qparams_range_0to1_fake_quant.
  public static let defaultFixedQParamsRange0To1FakeQuant = fixedQParamsFakeQuantize(
    .defaultFixedQParamsRange0To1Observer)

  /// Activations, quint8 in 0...255, fused. torch's default_fused_act_fake_quant.
  public static let defaultFusedActFakeQuant = fusedFakeQuantize(.movingAverageOfBytes)

  /// Weights, qint8, symmetric, fused. torch's default_fused_wt_fake_quant.
  public static let defaultFusedWtFakeQuant = fusedFakeQuantize(
    movingAverageMinMax(RangeSettings(known: .qint8, .perTensorSymmetric, range: -128...127)))

  /// Weights, qint8, symmetric for each channel of axis 0, fused. torch's default_fused_per_channel_wt_fake_quant.
  public static let defaultFusedPerChannelWtFakeQuant = fusedFakeQuantize(
    movingAveragePerChannelMinMax(
      RangeSettings(known: .qint8, .perChannelSymmetric, range: -128...127)))

  /// As `defaultFusedWtFakeQuant` in -127...127. torch's fused_wt_fake_quant_range_neg_127_to_127.
  public static let fusedWtFakeQuantRangeNeg127To127 = fusedFakeQuantize(
    movingAverageMinMax(
      RangeSettings(known: .qint8, .perTensorSymmetric, range: -127...127, eps: 0x1p-12)))

  /// As `defaultFusedPerChannelWtFakeQuant` in -127...127. torch's fused_per_channel_wt_fake_quant_range_neg_127_to_127.
  public static let fusedPerChannelWtFakeQuantRangeNeg127To127 = fusedFakeQuantize(
    movingAveragePerChannelMinMax(
      RangeSettings(known: .qint8, .perChannelSymmetric, range: -127...127, eps: 0x1p-12)))
}
