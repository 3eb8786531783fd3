import OctetTensor

/// The configurations that torch.ao.quantization.qconfig names, for quantization-aware training.
extension QConfig {
  /// Activations in 0...127, one scale for the weight. torch's default_qat_qconfig.
  public static let defaultQAT = QConfig(
    activation: .defaultFakeQuant, weight: .defaultWeightFakeQuant)

  /// Fused; activations in 0...255. torch's default_qat_qconfig_v2.
  public static let defaultQATv2 = QConfig(
    activation: .defaultFusedActFakeQuant, weight: .defaultFusedWtFakeQuant)

  /// Activations quantized at run time. torch's default_dynamic_qat_qconfig.
  public static let defaultDynamicQAT = QConfig(
    activation: .defaultDynamicFakeQuant, weight: .defaultWeightFakeQuant)

  /// The weight alone. torch's default_weight_only_qconfig.
  public static let defaultWeightOnly = QConfig(
    activation: .identity, weight: .defaultWeightFakeQuant)

  /// The activations alone. torch's default_activation_only_qconfig.
  public static let defaultActivationOnly = QConfig(
    activation: .defaultFakeQuant, weight: .identity)

  /// Embedding tables, rows with a real zero point. torch's default_embedding_qat_qconfig.
  public static let defaultEmbeddingQAT = QConfig(
    activation: NoopObserver.factory(dtype: .float32), weight: .defaultEmbeddingFakeQuant)

  /// As `defaultEmbeddingQAT` in 4 bits. torch's default_embedding_qat_qconfig_4bit.
  public static let defaultEmbeddingQAT4Bit = QConfig(
    activation: NoopObserver.factory(dtype: .float32), weight: .defaultEmbeddingFakeQuant4Bit)

  private static let signedActivation = ObserverFactory.fusedFakeQuantize(
    .movingAverageMinMax(
      RangeSettings(known: .qint8, .perTensorAffine, range: -128...127, eps: 0x1p-12)))

  /// Signed activations, weights in -127...127. torch's default_symmetric_qnnpack_qat_qconfig.
  public static let defaultSymmetricQNNPACKQAT = QConfig(
    activation: signedActivation, weight: .fusedWtFakeQuantRangeNeg127To127)

  /// As `defaultSymmetricQNNPACKQAT` with a scale for each output channel of the weight. torch's
  /// default_per_channel_symmetric_qnnpack_qat_qconfig.
  public static let defaultPerChannelSymmetricQNNPACKQAT = QConfig(
    activation: signedActivation, weight: .fusedPerChannelWtFakeQuantRangeNeg127To127)

  /// What a backend wants for quantization-aware training: version 1 fused, version 0 in two steps. torch's
  /// `get_default_qat_qconfig`.
  ///
  /// - Throws: `invalidConfiguration` when `version` is neither 0 nor 1.
  public static func getDefaultQATQConfig(backend: Backend = .x86, version: Int = 1)
    throws(OctetError) -> QConfig
  {
    guard version == 0 || version == 1 else {
      throw OctetError(
        .invalidConfiguration, operation: "get_default_qat_qconfig", argument: "version",
        expected: "version 0 or 1", received: "version \(version)")
    }
    let isNarrow = backend == .fbgemm || backend == .x86
    let range = ObserverFactory.movingAverageMinMax(
      RangeSettings(known: .quint8, .perTensorAffine, reduceRange: isNarrow, range: 0...255))
    let isPerChannel = backend != .qnnpack
    if version == 1 {
      return QConfig(
        activation: .fusedFakeQuantize(range),
        weight: isPerChannel ? .defaultFusedPerChannelWtFakeQuant : .defaultFusedWtFakeQuant)
    }
    return QConfig(
      activation: .fakeQuantize(range),
      weight: isPerChannel ? .defaultPerChannelWeightFakeQuant : .defaultWeightFakeQuant)
  }
}
