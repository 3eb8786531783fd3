import Foundation
import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private func input(_ shape: [Int], _ seed: UInt64 = 1) throws -> Tensor {
  try Tensor(TestRandom(seed).floats(shape.reduce(1, *), in: -2...2), shape: shape)
}

private func bits(_ tensor: Tensor) throws -> [UInt32] {
  (try tensor.elements() as [Float]).map(\.bitPattern)
}

/// A dynamic linear layer around two entries of a state.
private func linear(_ state: StateDictionary, _ part: String) throws -> Dynamic.Linear {
  try Dynamic.Linear(
    weight: #require(state["weight_\(part)"]), bias: state["bias_\(part)"])
}

private final class Tagger: Module {
  let quant = QuantStub()
  let lstm: LSTM
  let fc = Linear(8, 3)
  let dequant = DeQuantStub()

  init(_ lstm: LSTM) { self.lstm = lstm }

  override func forward(_ x: Tensor) -> Tensor { dequant(fc(lstm(quant(x)))) }
}

private func tagger(_ seed: UInt64) -> Tagger {
  RandomSource.shared.reseed(seed)
  return Tagger(LSTM(5, 4, layers: 2, bidirectional: true)).eval()
}

// Layers draw their first weights from one generator: one test at a time.
@Suite("Recurrent modules", .serialized)
struct RecurrentModuleTests {
  @Test(
    "A dynamic layer is its products and steps one by one, bit by bit",
    arguments: [QConfig.defaultDynamic, .perChannelDynamic], [false, true])
  func dynamicSteps(_ qconfig: QConfig, isReverse: Bool) throws {
    RandomSource.shared.reseed(5)
    let gru = try Dynamic.GRU(GRU(6, 33, bidirectional: true), qconfig: qconfig).eval()
    let x = try input([4, 3, 6])
    let first = try input([2, 3, 33], 2)
    let (output, last) = try gru.evaluate(x, first)
    let state = gru.stateDictionary()
    let suffix = isReverse ? "_l0_reverse" : "_l0"
    let projected = try linear(state, "ih" + suffix).evaluate(x.reshaped([12, 6]))
    let recurrent = try linear(state, "hh" + suffix)
    var memory = RecurrentMemory(hidden: try first.select(dim: 0, index: isReverse ? 1 : 0))
    for step in isReverse ? [3, 2, 1, 0] : [0, 1, 2, 3] {
      memory = try Functional.recurrentStep(
        .gru, input: projected.slice(dim: 0, 3 * step..<3 * step + 3),
        hidden: recurrent.evaluate(memory.hidden), memory: memory)
      let got = try output.select(dim: 0, index: step)
        .slice(dim: 1, isReverse ? 33..<66 : 0..<33)
      #expect(try bits(got) == bits(memory.hidden))
    }
    #expect(try bits(last.select(dim: 0, index: isReverse ? 1 : 0)) == bits(memory.hidden))
  }

  @Test(
    "Dynamic LSTMs stay near the float one: batch first, two layers, float16",
    arguments: [
      QConfig.defaultDynamic, .perChannelDynamic, .float16Dynamic,
    ])
  func accuracy(_ qconfig: QConfig) throws {
    RandomSource.shared.reseed(6)
    let float = LSTM(7, 16, layers: 2, batchFirst: true).eval()
    let dynamic = try Dynamic.LSTM(float, qconfig: qconfig).eval()
    let x = try input([2, 9, 7])
    let (want, wantState) = try float.evaluate(x, nil)
    let (got, gotState) = try dynamic.evaluate(x, nil)
    let limit: Float = qconfig == .float16Dynamic ? 1e-3 : 0.02
    #expect(got.shape == want.shape && gotState.cell.shape == [2, 2, 16])
    for (a, b) in [
      (got, want), (gotState.hidden, wantState.hidden), (gotState.cell, wantState.cell),
    ] {
      let pairs = zip(try a.elements() as [Float], try b.elements() as [Float])
      #expect(pairs.allSatisfy { abs($0 - $1) < limit })
    }
    #expect(try bits(got) != bits(want))
  }

  @Test("Packed sequences give each sequence what it gives alone, up to the shared ranges")
  func packed() throws {
    RandomSource.shared.reseed(7)
    let lstm = try Dynamic.LSTM(LSTM(4, 8, bidirectional: true), qconfig: .float16Dynamic).eval()
    let x = try input([5, 3, 4])
    let lengths = [2, 5, 4]
    let (output, state) = try lstm.evaluate(
      PackedSequence(padded: x, lengths: lengths, enforceSorted: false))
    let padded = try output.padded().padded
    for (i, length) in lengths.enumerated() {
      let sole = try x.slice(dim: 1, i..<i + 1).slice(dim: 0, 0..<length)
      let (want, wantState) = try lstm.evaluate(sole, nil)
      let got = try padded.slice(dim: 1, i..<i + 1).slice(dim: 0, 0..<length)
      for (a, b) in [
        (got, want), (try state.cell.slice(dim: 1, i..<i + 1), wantState.cell),
      ] {
        let pairs = zip(try a.elements() as [Float], try b.elements() as [Float])
        #expect(pairs.allSatisfy { abs($0 - $1) < 1e-5 })
      }
    }
    // Integers follow the ranges of all that is running, so only the whole batch can be compared.
    let integers = try Dynamic.LSTM(LSTM(4, 8, bidirectional: true)).eval()
    let even = try integers.evaluate(PackedSequence(padded: x, lengths: [5, 5, 5]))
    let plain = try integers.evaluate(x, nil)
    #expect(try bits(even.output.data) == bits(plain.output.reshaped([15, 16])))
    #expect(try bits(even.state.hidden) == bits(plain.state.hidden))
  }

  @Test("States and copies of dynamic modules keep their bits")
  func dynamicState() throws {
    RandomSource.shared.reseed(8)
    let lstm = try Dynamic.LSTM(LSTM(3, 5, layers: 2)).eval()
    let names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    #expect(lstm.stateDictionary().names == ["_l0", "_l1"].flatMap { l in names.map { $0 + l } })
    #expect(lstm.stateDictionary()["weight_hh_l1"]?.dtype == .qint8)
    let x = try input([3, 2, 3])
    let want = try bits(lstm.evaluate(x))
    let other = try Dynamic.LSTM(LSTM(3, 5, layers: 2)).eval()
    #expect(try bits(other.evaluate(x)) != want)
    try other.load(lstm.stateDictionary())
    #expect(try bits(other.evaluate(x)) == want)
    let copy = try lstm.copy()
    try copy.load(try Dynamic.LSTM(LSTM(3, 5, layers: 2)).stateDictionary())
    #expect(try bits(copy.evaluate(x)) != want)
    #expect(try bits(lstm.evaluate(x)) == want)
    let cell = try Dynamic.RNNCell(RNNCell(3, 4, nonlinearity: .relu), qconfig: .float16Dynamic)
    #expect(cell.stateDictionary()["weight_ih"]?.dtype == .float16)
    let row = try input([2, 3])
    #expect(try bits(cell.copy().evaluate(row)) == bits(cell.evaluate(row)))
  }

  @Test("States that aren't finite, shapes that don't fit and projections are refused")
  func refusals() throws {
    let lstm = try Dynamic.LSTM(LSTM(3, 4)).eval()
    var state = LSTMState(hidden: try input([1, 2, 4]), cell: try input([1, 2, 4]))
    _ = try lstm.evaluate(input([2, 2, 3]), state)
    state.hidden = try Tensor(repeating: Float.nan, shape: [1, 2, 4])
    #expect(throws: OctetError.self) { try lstm.evaluate(input([2, 2, 3]), state) }
    #expect(throws: OctetError.self) { try lstm.evaluate(input([2, 3]), nil) }
    #expect(throws: OctetError.self) {
      try lstm.evaluate(Tensor(repeating: Float.infinity, shape: [2, 2, 3]), nil)
    }
    #expect(throws: OctetError.self) { try Dynamic.LSTM(LSTM(3, 4, projectionSize: 2)) }
    #expect(throws: OctetError.self) { try Quantizable.LSTM(LSTM(3, 4, projectionSize: 2)) }
    let cell = try Dynamic.GRUCell(GRUCell(3, 4))
    #expect(throws: OctetError.self) { try cell.evaluate(input([2, 3]), input([3, 4])) }
    #expect(throws: OctetError.self) { try cell.evaluate(input([3])) }
  }

  @Test(
    "Observable LSTMs compute what the float one does, gates together or apart",
    arguments: [false, true])
  func quantizable(splitGates: Bool) throws {
    RandomSource.shared.reseed(9)
    let float = LSTM(5, 4, layers: 2, batchFirst: true, bidirectional: true).eval()
    let observable = try Quantizable.LSTM(float, splitGates: splitGates).eval()
    let x = try input([2, 6, 5])
    let start = LSTMState(hidden: try input([4, 2, 4], 2), cell: try input([4, 2, 4], 3))
    for state in [nil, start] {
      let (want, wantState) = try float.evaluate(x, state)
      let (got, gotState) = try observable.evaluate(x, state)
      for (a, b) in [
        (got, want), (gotState.hidden, wantState.hidden), (gotState.cell, wantState.cell),
      ] {
        #expect(a.shape == b.shape)
        let pairs = zip(try a.elements() as [Float], try b.elements() as [Float])
        #expect(pairs.allSatisfy { abs($0 - $1) < 1e-5 })
      }
    }
    let prefix = "layers.0.layer_fw.cell.igates." + (splitGates ? "input." : "")
    #expect(observable.stateDictionary()[prefix + "weight"]?.shape == [splitGates ? 4 : 16, 5])
    #expect(try bits(observable.copy().evaluate(x)) == bits(observable.evaluate(x)))
  }

  @Test("Preparing and converting a model with an LSTM")
  func quantized() throws {
    let model = tagger(10)
    let batches = try (0..<4).map { try input([6, 3, 5], UInt64($0)) }
    let float: [Float] = try model.evaluate(batches[0]).elements()
    model.qconfig = .default
    try prepare(model)
    #expect(model.lstm.current is Quantizable.LSTM)
    for batch in batches { _ = try model.evaluate(batch) }
    try convert(model)
    #expect(model.lstm.current is Quantized.LSTM)
    let kinds = model.namedModules().map { "\(type(of: $0.module))" }
    #expect(!kinds.contains { $0.contains("Observer") })
    let got: [Float] = try model.evaluate(batches[0]).elements()
    let signal = float.reduce(0) { $0 + $1 * $1 }
    let noise = zip(float, got).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(noise > 0 && signal / noise > 300)
    // The parts' weights and parameters are all in the state.
    let other = tagger(11)
    other.qconfig = .default
    try prepare(other)
    _ = try other.evaluate(batches[1])
    try convert(other)
    #expect(try other.evaluate(batches[0]).elements() != got)
    try other.load(model.stateDictionary())
    #expect(try other.evaluate(batches[0]).elements() == got)
    let copy = try model.lstm.current.copy()
    let quantized = try Functional.quantizePerTensor(
      batches[0], scale: 0.03, zeroPoint: 64, dtype: .quint8)
    let same: [UInt8] = try model.lstm.current.evaluate(quantized).elements()
    #expect(try copy.evaluate(quantized).elements() == same)
  }

  @Test("Reference modules compute with quantized and dequantized weights")
  func reference() throws {
    RandomSource.shared.reseed(12)
    let float = LSTM(3, 4)
    let rule = Reference.WeightParameters(
      try Quantizer(scale: 0.05, zeroPoint: 3, dtype: .qint8), dtype: .qint8)
    let module = try Reference.LSTM(
      float, weightParameters: ["weight_ih_l0": rule, "weight_hh_l0": rule]
    ).eval()
    let rounded = LSTM(3, 4).eval()
    var state = float.stateDictionary()
    for name in ["weight_ih_l0", "weight_hh_l0"] {
      let weight = try #require(state[name])
      state[name] = try Functional.quantizePerTensor(
        weight, scale: Double(Float(0.05)), zeroPoint: 3, dtype: .qint8
      ).dequantized()
    }
    try rounded.load(state)
    let x = try input([4, 2, 3])
    #expect(try bits(module.evaluate(x)) == bits(rounded.evaluate(x)))
    #expect(try bits(module.copy().evaluate(x)) == bits(rounded.evaluate(x)))
    #expect(
      module.stateDictionary().names == float.stateDictionary().names + [
        "weight_ih_l0_scale", "weight_ih_l0_zero_point", "weight_hh_l0_scale",
        "weight_hh_l0_zero_point",
      ])
    #expect(throws: OctetError.self) {
      try Reference.LSTM(float, weightParameters: ["weight_ih_l0": rule])
    }
    let cell = GRUCell(3, 4)
    let small = try Reference.GRUCell(
      cell, weightParameters: ["weight_ih": rule, "weight_hh": rule]
    ).eval()
    let row = try input([2, 3])
    #expect(try bits(small.copy().evaluate(row)) == bits(small.evaluate(row)))
    #expect(try bits(small.evaluate(row)) != bits(cell.eval().evaluate(row)))
  }
}
