import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

@Suite("State of observers")
struct ObserverStateTests {
  private static let factories: [ObserverFactory] = [
    .defaultObserver, .movingAverage, .defaultPerChannelWeightObserver,
    .defaultHistogramObserver, .defaultFloatQParamsObserver,
    .defaultFixedQParamsRange0To1Observer, .defaultFakeQuant, .defaultPerChannelWeightFakeQuant,
    .defaultEmbeddingFakeQuant, .defaultFusedActFakeQuant, .defaultFusedPerChannelWtFakeQuant,
    .defaultFixedQParamsRangeNeg1To1FakeQuant,
  ]

  @Test("what was seen survives saving and loading", arguments: factories.indices)
  func roundTrip(index: Int) throws {
    let factory = Self.factories[index]
    let observer = factory()
    for seed in 0..<3 as Range<UInt64> {
      _ = try observer.evaluate(
        Tensor(TestRandom(seed).floats(60, in: -2...4), shape: [6, 10]))
    }
    let other = factory()
    try other.load(observer.stateDictionary())
    #expect(try other.calculateParameters() == observer.calculateParameters())
    for (mine, theirs) in zip(
      observer.stateDictionary().entries, other.stateDictionary().entries)
    {
      #expect(mine.name == theirs.name && mine.tensor.shape == theirs.tensor.shape)
      #expect(mine.tensor.dtype == theirs.tensor.dtype)
    }
    let x = try Tensor(TestRandom(9).floats(60, in: -2...4), shape: [6, 10])
    let a: [Float] = try observer.evaluate(x).elements()
    let b: [Float] = try other.evaluate(x).elements()
    #expect(a == b)
    #expect(try other.calculateParameters() == observer.calculateParameters())
  }

  @Test("names, order, shapes and types are torch's")
  func names() throws {
    func layout(_ factory: ObserverFactory) -> [String] {
      factory().stateDictionary().entries.map {
        "\($0.name) \($0.tensor.dtype.rawValue) \($0.tensor.shape)"
      }
    }
    #expect(
      layout(.defaultObserver) == ["eps float32 [1]", "min_val float32 []", "max_val float32 []"])
    #expect(
      layout(.defaultPerChannelWeightObserver) == [
        "eps float32 [1]", "min_val float32 [0]", "max_val float32 [0]",
      ])
    #expect(
      layout(.defaultHistogramObserver) == [
        "eps float32 [1]", "histogram float32 [2048]", "min_val float32 []", "max_val float32 []",
      ])
    #expect(
      layout(.defaultFixedQParamsRange0To1Observer) == [
        "scale float32 [1]", "zero_point int32 [1]",
      ])
    #expect(layout(.defaultPlaceholderObserver) == [])
    let inner = ["eps float32 [1]", "min_val float32 []", "max_val float32 []"].map {
      "activation_post_process.\($0)"
    }
    let rounding = ["scale float32 [1]", "zero_point int32 [1]"]
    #expect(
      layout(.defaultFakeQuant)
        == ["fake_quant_enabled uint8 [1]", "observer_enabled uint8 [1]"] + rounding + inner)
    #expect(
      layout(.defaultFusedActFakeQuant)
        == ["fake_quant_enabled int64 [1]", "observer_enabled int64 [1]"] + rounding + inner)
    #expect(layout(.defaultEmbeddingFakeQuant)[3] == "zero_point float32 [1]")
    #expect(layout(.defaultFixedQParamsRange0To1FakeQuant).count == 6)
  }

  @Test("state of another kind is refused")
  func refusals() throws {
    let histogram = try HistogramObserver(bins: 64).stateDictionary()
    let other = #expect(throws: OctetError.self) { try HistogramObserver(bins: 32).load(histogram) }
    #expect(other?.code == .stateMismatch && other?.argument == "histogram")
    var odd = ObserverFactory.defaultPerChannelWeightObserver().stateDictionary()
    odd["min_val"] = try Tensor([1, 2] as [Float], shape: [2])
    let counts = #expect(throws: OctetError.self) {
      try ObserverFactory.defaultPerChannelWeightObserver().load(odd)
    }
    #expect(counts?.description.contains("min_val and max_val of one shape [C]") == true)
    var scales = ObserverFactory.defaultFakeQuant().stateDictionary()
    scales["scale"] = try Tensor([1, 2] as [Float], shape: [2])
    let pair = #expect(throws: OctetError.self) {
      try ObserverFactory.defaultFakeQuant().load(scales)
    }
    #expect(pair?.description.contains("scale and zero_point of one shape [C]") == true)
    for bad in [Float(0), -1, .nan, .infinity] {
      let observer = try MinMaxObserver()
      observer.eps.value = try Tensor([bad], shape: [1])
      try observer.observe(Tensor([0, 0] as [Float], shape: [2]))
      let error = #expect(throws: OctetError.self) { try observer.calculateParameters() }
      #expect(error?.argument == "eps")
    }
  }

  @Test("another number of channels is refused until a reset")
  func channels() throws {
    let observer = try PerChannelMinMaxObserver()
    try observer.observe(Tensor([1, 2] as [Float], shape: [2, 1]))
    let wide = try Tensor([1, 2, 3] as [Float], shape: [3, 1])
    let error = #expect(throws: OctetError.self) { try observer.observe(wide) }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.description.contains("2 channels on axis 0") == true)
    observer.reset()
    try observer.observe(wide)
    #expect(observer.minVal.value.shape == [3])
    let flat = #expect(throws: OctetError.self) {
      try PerChannelMinMaxObserver(chAxis: 1).observe(Tensor([1] as [Float], shape: [1]))
    }
    #expect(flat?.code == .outOfRange && flat?.argument == "ch_axis")
  }

  @Test("observers' entries of a model are told apart and loaded back")
  func observersOfAModel() throws {
    func prepared() -> Sequential {
      let layers = [ReLU(), ReLU()]
      let model = Sequential(layers)
      layers[0].activationPostProcess = ObserverFactory.defaultObserver()
      layers[1].activationPostProcess = ObserverFactory.defaultPerChannelWeightFakeQuant()
      return model
    }
    let model = prepared()
    _ = try model.evaluate(Tensor(TestRandom(1).floats(12, in: -1...3), shape: [3, 4]))
    let state = getObserverStateDict(model)
    #expect(state.names.count == 3 + 7)
    #expect(state.names.allSatisfy { $0.contains("activation_post_process") })
    let copy = prepared()
    try loadObserverStateDict(copy, state)
    for (name, tensor) in getObserverStateDict(copy).entries {
      #expect(tensor.shape == state[name]?.shape)
    }
    var short = state
    short["0.activation_post_process.min_val"] = nil
    let missing = #expect(throws: OctetError.self) { try loadObserverStateDict(copy, short) }
    #expect(
      missing?.description.contains("missing [0.activation_post_process.min_val]") == true)
    var long = state
    long["2.activation_post_process.eps"] = state["0.activation_post_process.eps"]
    let unexpected = #expect(throws: OctetError.self) { try loadObserverStateDict(copy, long) }
    #expect(
      unexpected?.description.contains("unexpected [2.activation_post_process.eps]") == true)
    long["2.activation_post_process.eps"] = nil
    long["fc.weight"] = state["0.activation_post_process.eps"]
    #expect(throws: Never.self) { try loadObserverStateDict(copy, long) }
  }
}
