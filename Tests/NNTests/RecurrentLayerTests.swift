import Foundation
import OctetNN
import OctetTensor
import OctetTestSupport
import Testing

/// `0.6 * sin(0.7 i + k)` for element i of parameter k: the weights that the recorded results of torch were made with.
private func fill(_ module: Module) throws {
  var state = StateDictionary()
  for (k, (name, tensor)) in module.stateDictionary().entries.enumerated() {
    let values = (0..<tensor.count).map { Float(0.6 * sin(0.7 * Double($0) + Double(k))) }
    state[name] = try Tensor(values, shape: tensor.shape)
  }
  try module.load(state)
  module.eval()
}

/// `cos(1.3 i)` for element i.
private func data(_ shape: Int...) throws -> Tensor {
  let count = shape.reduce(1, *)
  return try Tensor((0..<count).map { Float(cos(1.3 * Double($0))) }, shape: shape)
}

private func isClose(_ tensor: Tensor, _ wanted: [Float], _ shape: [Int]) throws -> Bool {
  let values: [Float] = try tensor.elements()
  return tensor.shape == shape && values.count == wanted.count
    && zip(values, wanted).allSatisfy { abs($0 - $1) <= 1e-6 + 1e-6 * abs($1) }
}

// Layers draw their first weights from one generator: one test at a time.
@Suite("Recurrent layers", .serialized)
struct RecurrentLayerTests {
  @Test(
    "Two layers in two directions give torch's outputs and states, recorded or not",
    arguments: [true, false])
  func stacked(records: Bool) throws {
    let lstm = LSTM(2, 2, layers: 2, bidirectional: true)
    try fill(lstm)
    let input = try data(2, 2, 2)
    let (output, state) =
      records ? lstm(input, nil) : try lstm.evaluate(input, nil)
    #expect(output.requiresGrad == records)
    #expect(
      try isClose(
        output,
        [
          0.09321128, 0.1362913, -0.3086957, -0.3726763, 0.1057224, 0.123065, -0.2987647,
          -0.3678946, 0.1264534, 0.1949993, -0.2370411, -0.2587008, 0.1146598, 0.197022, -0.2277201,
          -0.2587406,
        ], [2, 2, 4]))
    #expect(
      try isClose(
        state.hidden,
        [
          -0.4344725, 0.125509, -0.2810397, -0.2870883, -0.01817476, -0.3092914, 0.1255071,
          0.01761131, 0.1264534, 0.1949993, 0.1146598, 0.197022, -0.3086957, -0.3726763, -0.2987647,
          -0.3678946,
        ], [4, 2, 2]))
    #expect(
      try isClose(
        state.cell,
        [
          -0.7383235, 0.2048854, -0.5250936, -0.3593666, -0.07742961, -0.9210873, 0.565885,
          0.1280355, 0.189205, 0.3452118, 0.1680054, 0.3668752, -0.754394, -0.6390797, -0.769024,
          -0.5967571,
        ], [4, 2, 2]))
  }

  @Test("An LSTM projects its hidden state")
  func projection() throws {
    let lstm = LSTM(2, 3, batchFirst: true, projectionSize: 2)
    try fill(lstm)
    let (output, state) = try lstm.evaluate(data(1, 3, 2), nil)
    let want: [Float] = [-0.2957841, 0.05305865, -0.1451802, 0.08229104, -0.3255715, 0.07764465]
    #expect(try isClose(output, want, [1, 3, 2]))
    #expect(try isClose(state.hidden, Array(want[4...]), [1, 1, 2]))
    #expect(try isClose(state.cell, [0.5133821, 0.3294888, 0.334236], [1, 1, 3]))
  }

  @Test("GRU and RNN start from a state, without bias, without a batch dimension")
  func others() throws {
    let gru = GRU(2, 2, bias: false)
    try fill(gru)
    let (output, state) = try gru.evaluate(data(3, 1, 2), data(1, 1, 2))
    let want: [Float] = [0.3148949, 0.6789842, 0.4310897, 0.2307714, 0.1523014, 0.6339068]
    #expect(try isClose(output, want, [3, 1, 2]))
    #expect(try isClose(state, Array(want[4...]), [1, 1, 2]))
    let rnn = RNN(2, 2, nonlinearity: .relu)
    try fill(rnn)
    let (single, last) = try rnn.evaluate(data(3, 2), nil)
    let steps: [Float] = [0.733647, 0.6683406, 1.117723, 0, 1.57205, 1.174334]
    #expect(try isClose(single, steps, [3, 2]))
    #expect(try isClose(last, Array(steps[4...]), [1, 2]))
  }

  @Test("Cells take one step")
  func cells() throws {
    let lstm = LSTMCell(2, 2)
    try fill(lstm)
    let before = LSTMState(hidden: try data(2, 2), cell: try data(2, 2) * 2)
    let (output, after) = try lstm.evaluate(data(2, 2), before)
    #expect(try isClose(output, [-0.06202059, 0.250302, -0.4314396, -0.7301205], [2, 2]))
    #expect(output === after.hidden)
    #expect(try isClose(after.cell, [-0.08733532, 0.6031551, -1.153485, -1.08791], [2, 2]))
    // The state that was given is as it was.
    #expect(try before.cell.elements() == (data(2, 2) * 2).elements() as [Float])
    let gru = GRUCell(2, 2)
    try fill(gru)
    let gated = try gru.evaluate(data(2, 2), data(2, 2)).output
    #expect(try isClose(gated, [-0.3023303, 0.6013113, -0.690658, -0.7821898], [2, 2]))
    let rnn = RNNCell(2, 2)
    try fill(rnn)
    #expect(try isClose(rnn.evaluate(data(2)), [0.6252915, 0.5838873], [2]))
  }

  @Test("Packed sequences of any order run to their own ends, both ways")
  func packed() throws {
    let gru = GRU(2, 2, bidirectional: true)
    try fill(gru)
    let packed = try PackedSequence(
      padded: data(3, 3, 2), lengths: [1, 3, 2], enforceSorted: false)
    #expect(packed.batchSizes == [3, 2, 1])
    #expect(packed.sortedIndices == [1, 2, 0])
    #expect(packed.lengths == [1, 3, 2])
    let (output, state) = try gru.evaluate(packed)
    #expect(
      try isClose(
        output.data,
        [
          -0.2825993, -0.4445949, 0.2591462, 0.04856351, -0.5221105, 0.3490551, 0.01091431,
          -0.2845965, -0.5267015, 0.1796208, 0.006253349, -0.1543411, -0.5002401, -0.3732511,
          -0.008218475, -0.2280777, -0.6891158, -0.0620987, 0.05018927, -0.1537672, -0.7004499,
          0.06600647, -0.02612866, -0.156855,
        ], [6, 4]))
    #expect(
      try isClose(
        state,
        [
          -0.5267015, 0.1796208, -0.7004499, 0.06600647, -0.6891158, -0.0620987, 0.006253349,
          -0.1543411, 0.2591462, 0.04856351, 0.01091431, -0.2845965,
        ], [2, 3, 2]))
    let (padded, lengths) = try output.padded(batchFirst: true, padding: -1, totalLength: 4)
    #expect(padded.shape == [3, 4, 4] && lengths == [1, 3, 2])
    let first: [Float] = try padded.select(dim: 0, index: 0).elements()
    #expect(
      first[..<4] == [-0.5267015, 0.1796208, 0.006253349, -0.1543411]
        || abs(first[0] + 0.5267015) < 1e-6)
    #expect(first[4...] == ArraySlice([Float](repeating: -1, count: 12)))
    // Each sequence on its own gives the same.
    let alone = try gru.evaluate(data(3, 3, 2).slice(dim: 1, 1..<2)).elements() as [Float]
    let joined: [Float] = try padded.select(dim: 0, index: 1).slice(dim: 0, 0..<3).elements()
    #expect(zip(alone, joined).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("Lengths and step sizes that fit nothing are refused")
  func packedMistakes() throws {
    let input = try data(3, 2, 2)
    for lengths in [[1, 3], [3], [4, 1], [2, 0], [Int.max, 1]] {
      #expect(throws: OctetError.self) { try PackedSequence(padded: input, lengths: lengths) }
    }
    for sizes in [[1, 2], [2, 2], [3, 0], [], [Int.max, 1]] {
      #expect(throws: OctetError.self) { try PackedSequence(data: data(3, 2), batchSizes: sizes) }
    }
    #expect(throws: OctetError.self) {
      try PackedSequence(data: data(3, 2), batchSizes: [2, 1], sortedIndices: [0, 0])
    }
    let lstm = LSTMCell(2, 2)
    #expect(throws: OctetError.self) {
      try lstm.evaluate(PackedSequence(data: data(3, 2), batchSizes: [2, 1]))
    }
  }

  @Test("State dictionaries have torch's names and take their values along")
  func state() throws {
    let lstm = LSTM(2, 3, layers: 2, bidirectional: true, projectionSize: 2)
    let stems = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"]
    #expect(
      lstm.stateDictionary().names
        == ["_l0", "_l0_reverse", "_l1", "_l1_reverse"].flatMap { end in stems.map { $0 + end } })
    #expect(GRUCell(2, 2, bias: false).stateDictionary().names == ["weight_ih", "weight_hh"])
    let other = LSTM(2, 3, layers: 2, bidirectional: true, projectionSize: 2)
    try other.load(lstm.stateDictionary())
    let input = try data(2, 2, 2)
    let want: [Float] = try lstm.evaluate(input).elements()
    #expect(try other.evaluate(input).elements() == want)
    let copy = try lstm.copy()
    #expect(try copy.evaluate(input).elements() == want)
    try fill(copy)
    #expect(try copy.evaluate(input).elements() != want)
    #expect(try lstm.evaluate(input).elements() == want)
  }

  @Test("Hooks see inputs and outputs; a call's state is its own")
  func hooks() throws {
    let lstm = LSTM(2, 2)
    try fill(lstm)
    var seen: [[Int]] = []
    lstm.preHooks = [
      ModuleHook { _, input in
        seen.append(input.shape)
        return input
      }
    ]
    lstm.postHooks = [
      ModuleHook { _, output in
        seen.append(output.shape)
        return try Functional.multiplyScalar(output, 2)
      }
    ]
    let input = try data(3, 1, 2)
    let fromZeros = try lstm.evaluate(input, nil)
    #expect(seen == [[3, 1, 2], [3, 1, 2]])
    let last: [Float] = try fromZeros.state.hidden.elements()
    let doubled: [Float] = try fromZeros.output.select(dim: 0, index: 2).elements()
    #expect(doubled == last.map { 2 * $0 })
    let carried = try lstm.evaluate(input, fromZeros.state)
    #expect(try carried.output.elements() != fromZeros.output.elements() as [Float])
    #expect(try lstm.evaluate(input).elements() == fromZeros.output.elements() as [Float])
    // Halves with a carried state are the whole.
    let (_, half) = try lstm.evaluate(input.slice(dim: 0, 0..<2), nil)
    let rest = try lstm.evaluate(input.slice(dim: 0, 2..<3), half)
    #expect(try rest.output.elements() == doubled)
  }

  @Test("A module around a recurrent one doesn't lend it its own state")
  func nesting() throws {
    final class Outer: RecurrentModule<Tensor> {
      let inner = GRU(2, 2)
      override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws -> (
        output: Tensor, state: Tensor
      ) {
        let (output, _) = inner(input, nil)
        return (inner(input), try Functional.add(output, state ?? output))
      }
    }
    let outer = Outer()
    let input = try data(2, 1, 2)
    let alone: [Float] = try outer.inner.evaluate(input).elements()
    let (output, state) = try outer.evaluate(input, Tensor(repeating: Float(5), shape: [2, 1, 2]))
    #expect(try output.elements() == alone)
    #expect(try state.elements() == alone.map { $0 + 5 })
  }

  @Test("Shapes that don't fit are refused with the module's name")
  func mistakes() throws {
    let lstm = LSTM(2, 3)
    let good = LSTMState(
      hidden: try Tensor(repeating: Float(0), shape: [1, 2, 3]),
      cell: try Tensor(repeating: Float(0), shape: [1, 2, 3]))
    for shape in [[4, 2, 3], [0, 2, 2], [2], [1, 1, 2, 2]] {
      let input = try Tensor(repeating: Float(0), shape: shape)
      #expect(throws: OctetError.self) { try lstm.evaluate(input) }
    }
    #expect(throws: OctetError.self) { try lstm.evaluate(data(2, 3, 2), good) }
    var wrong = good
    wrong.cell = try Tensor(repeating: Float(0), shape: [1, 2, 2])
    #expect(throws: OctetError.self) { try lstm.evaluate(data(2, 2, 2), wrong) }
    #expect(throws: OctetError.self) {
      try RecurrentSettings(inputSize: 0, hiddenSize: 1)
    }
    #expect(throws: OctetError.self) {
      try RecurrentSettings(inputSize: 1, hiddenSize: 2, projectionSize: 2)
    }
    #expect(throws: OctetError.self) {
      try RecurrentSettings(inputSize: 1, hiddenSize: 2, dropout: 1.5)
    }
  }

  @Test("Dropout acts between layers, while training only")
  func dropout() throws {
    RandomSource.shared.reseed(3)
    let input = try data(4, 2, 2)
    let gru = GRU(2, 3, layers: 2, dropout: 1)
    let first = GRU(2, 3)
    #expect(try gru.eval().evaluate(input).elements() == gru.evaluate(input).elements() as [Float])
    let trained: [Float] = try gru.train().evaluate(input).elements()
    let other: [Float] = try gru.evaluate(data(4, 2, 2) * 3).elements()
    // With everything dropped the second layer sees zeros, whatever the input.
    #expect(trained == other)
    let single: [Float] = try first.train().evaluate(input).elements()
    let unrecorded: [Float] = try first.eval().evaluate(input).elements()
    #expect(zip(single, unrecorded).allSatisfy { abs($0 - $1) < 1e-6 })
  }
}

@Suite("Gradients of recurrent layers")
struct RecurrentGradientTests {
  static let cases: [GradientCase] = [
    GradientCase("lstm", [[2, 2, 3], [1, 2, 2], [1, 2, 2]]) { x in
      let lstm = LSTM(3, 2)
      try fill(lstm)
      return lstm(x[0], LSTMState(hidden: x[1], cell: x[2])).output
    },
    GradientCase("bidirectional gru", [[3, 1, 2], [2, 1, 2]]) { x in
      let gru = GRU(2, 2, bidirectional: true)
      try fill(gru)
      return gru(x[0], x[1]).output
    },
    GradientCase("rnn cell", [[2, 3], [2, 2]]) { x in
      let cell = RNNCell(3, 2)
      try fill(cell)
      return cell(x[0], x[1]).state
    },
  ]

  @Test("Backward agrees with finite differences", arguments: cases)
  func differences(_ gradient: GradientCase) throws {
    #expect(try gradient.mismatches() == [])
  }
}
