import OctetQuantization
import OctetTensor
import Testing

@Suite("Configurations")
struct QConfigTests {
  @Test("recipes tell class and arguments, and are equal when these are")
  func names() throws {
    #expect(ObserverFactory.defaultObserver.name == "MinMaxObserver(quant_min=0, quant_max=127)")
    #expect(
      ObserverFactory.defaultWeightObserver.name
        == "MinMaxObserver(dtype=qint8, qscheme=per_tensor_symmetric)")
    #expect(
      ObserverFactory.defaultDynamicQuantObserver.name
        == "PlaceholderObserver(dtype=quint8, quant_min=0, quant_max=255, is_dynamic=True)")
    #expect(ObserverFactory.defaultPlaceholderObserver.name == "PlaceholderObserver()")
    #expect(
      ObserverFactory.defaultEmbeddingFakeQuant4Bit.name
        == "FakeQuantize(observer=MovingAveragePerChannelMinMaxObserver(averaging_constant=1.0, "
        + "dtype=quint4x2, qscheme=per_channel_affine_float_qparams))")
    #expect(
      try MinMaxObserver.factory(quantMin: 0, quantMax: 127) == .defaultObserver)
    #expect(try MinMaxObserver.factory(quantMin: 0, quantMax: 126) != .defaultObserver)
    #expect(
      try HistogramObserver.factory(bins: 100, reduceRange: true).name
        == "HistogramObserver(bins=100, reduce_range=True)")
    #expect(
      try MovingAverageMinMaxObserver.factory(averagingConstant: 0.5).name
        == "MovingAverageMinMaxObserver(averaging_constant=0.5)")
    #expect(
      try PerChannelMinMaxObserver.factory(chAxis: 1, eps: 0.5).name
        == "PerChannelMinMaxObserver(ch_axis=1, eps=0.5)")
    #expect(
      try FakeQuantize.factory(observer: .defaultHistogramObserver)().scheme == .perTensorAffine)
    #expect(QConfig.defaultQAT != .default)
    #expect(try QConfig.default == .named("default_qconfig"))
  }

  @Test("checked arguments give what the named recipes hold")
  func namedRecipesAreLegal() throws {
    #expect(
      try MinMaxObserver.factory(
        dtype: .qint8, scheme: .perTensorSymmetric, quantMin: -127, quantMax: 127, eps: 0x1p-12)
        == .weightObserverRangeNeg127To127)
    #expect(
      try FakeQuantize.factory(
        observer: MovingAverageMinMaxObserver.factory(
          reduceRange: true, quantMin: 0, quantMax: 255)) == .defaultFakeQuant)
    #expect(
      try FusedMovingAvgObsFakeQuantize.factory(
        observer: MovingAveragePerChannelMinMaxObserver.factory(
          dtype: .qint8, scheme: .perChannelSymmetric, quantMin: -128, quantMax: 127))
        == .defaultFusedPerChannelWtFakeQuant)
    #expect(
      try FixedQParamsFakeQuantize.factory(
        observer: FixedQParamsObserver.factory(scale: 1.0 / 256, zeroPoint: 0))
        == .defaultFixedQParamsRange0To1FakeQuant)
  }

  @Test("every name makes new observers each time", arguments: QConfig.names)
  func everyName(name: String) throws {
    let qconfig = try QConfig.named(name)
    #expect(qconfig.activation() !== qconfig.activation())
    #expect(qconfig.weight() !== qconfig.weight())
  }

  @Test(
    "backends",
    arguments: [
      ("fbgemm", 127, true), ("x86", 127, true), ("qnnpack", 255, false), ("onednn", 255, true),
    ])
  func backends(name: String, top: Int, isPerChannel: Bool) throws {
    let backend = try Backend(named: name)
    let plain = try QConfig.getDefaultQConfig(backend: backend)
    #expect(try plain == QConfig.named(name))
    #expect(try plain == QConfig.named("get_default_qconfig:\(name):0"))
    let histogram = plain.activation() as? HistogramObserver
    #expect(histogram?.settings.quantMax == top && histogram?.bins == 2048)
    #expect((plain.weight() is PerChannelMinMaxObserver) == isPerChannel)
    for version in [0, 1] {
      let training = try QConfig.getDefaultQATQConfig(backend: backend, version: version)
      #expect(try training == QConfig.named("get_default_qat_qconfig:\(name):\(version)"))
      let activation = training.activation() as? FakeQuantize
      #expect((activation is FusedMovingAvgObsFakeQuantize) == (version == 1))
      #expect((activation?.observer as? MovingAverageMinMaxObserver)?.settings.quantMax == top)
      #expect((training.weight().scheme == .perChannelSymmetric) == isPerChannel)
      #expect(training.weight().dtype == .qint8)
    }
  }

  @Test("what doesn't exist is refused with what does")
  func refusals() {
    for name in ["", "default", "get_default_qconfig:tpu:0", "get_default_qconfig:x86", "fbgemm:0"]
    {
      let error = #expect(throws: OctetError.self) { try QConfig.named(name) }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.description.contains("fbgemm") == true)
    }
    let version = #expect(throws: OctetError.self) {
      try QConfig.getDefaultQConfig(backend: .x86, version: 1)
    }
    #expect(version?.description.contains("expected version 0, received version 1") == true)
    let training = #expect(throws: OctetError.self) {
      try QConfig.named("get_default_qat_qconfig:x86:2")
    }
    #expect(training?.description.contains("version 0 or 1") == true)
  }
}
