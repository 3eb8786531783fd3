import OctetNN
import OctetTensor

/// The two products of one recurrent direction, quantized as they come: qint8 or float16 weights, real in and out.
struct DynamicRecurrentWeights {
  /// `[gates * H, I]` with the input's bias.
  let input: Dynamic.Linear
  /// `[gates * H, H]` with the hidden state's bias.
  let hidden: Dynamic.Linear

  /// The dynamic form of float weights.
  init(_ float: RecurrentWeights, _ context: ConversionContext) throws {
    input = try Dynamic.Linear(
      OctetNN.Linear(weight: Parameter(float.input), bias: float.inputBias.map { Parameter($0) }),
      context)
    hidden = try Dynamic.Linear(
      OctetNN.Linear(weight: Parameter(float.hidden), bias: float.hiddenBias.map { Parameter($0) }),
      context)
  }

  private init(input: Dynamic.Linear, hidden: Dynamic.Linear) {
    self.input = input
    self.hidden = hidden
  }

  /// One direction over a sequence. The input of all steps is quantized and projected at once, the hidden state at each step.
  func run(
    _ kind: RecurrentKind, _ steps: RecurrentSteps, _ start: RecurrentMemory, isReverse: Bool
  ) throws -> (output: Tensor, memory: RecurrentMemory) {
    let projected = try input.forward(steps.data)
    guard let packed = hidden.packed else {
      return try steps.walk(projected, start, isReverse: isReverse) { rows, memory in
        try after(kind, rows, memory)
      }
    }
    return try packed.recurrentSequence(
      kind, projected: projected, batchSizes: steps.batchSizes, memory: start,
      isReverse: isReverse, reduceRange: hidden.reduceRange)
  }

  /// The state after one step on projected input.
  func after(_ kind: RecurrentKind, _ projected: Tensor, _ memory: RecurrentMemory) throws
    -> RecurrentMemory
  {
    try Functional.recurrentStep(
      kind, input: projected, hidden: hidden.forward(memory.hidden), memory: memory)
  }

  /// The state entries, the names completed by `suffix` (`_l0`, `_l1_reverse`, nothing for a cell).
  func state(_ suffix: String) -> [(name: String, tensor: Tensor)] {
    var entries = [("weight_ih" + suffix, input.weight), ("weight_hh" + suffix, hidden.weight)]
    if let bias = input.bias { entries.append(("bias_ih" + suffix, bias)) }
    if let bias = hidden.bias { entries.append(("bias_hh" + suffix, bias)) }
    return entries
  }

  /// The same with tensors out of a state dictionary.
  func replacing(_ state: [String: Tensor], _ suffix: String) throws -> DynamicRecurrentWeights {
    DynamicRecurrentWeights(
      input: try Dynamic.Linear(
        weight: state["weight_ih" + suffix] ?? input.weight,
        bias: state["bias_ih" + suffix] ?? input.bias, reduceRange: input.reduceRange),
      hidden: try Dynamic.Linear(
        weight: state["weight_hh" + suffix] ?? hidden.weight,
        bias: state["bias_hh" + suffix] ?? hidden.bias, reduceRange: hidden.reduceRange))
  }

  /// How printing tells the weights' type.
  var details: String { input.weight.dtype == .float16 ? ", float16" : "" }
}

/// The weights of a dynamic recurrent module, as a part of its state.
final class DynamicRecurrentState: StateGroup {
  /// The suffix of each direction's names, and its weights.
  private(set) var directions: [(suffix: String, weights: DynamicRecurrentWeights)]

  init(_ directions: [(suffix: String, weights: DynamicRecurrentWeights)]) {
    self.directions = directions
  }

  /// The weights of a direction.
  subscript(suffix: String) -> DynamicRecurrentWeights? {
    directions.first { $0.suffix == suffix }?.weights
  }

  var entries: [(name: String, tensor: Tensor)] {
    directions.flatMap { $0.weights.state($0.suffix) }
  }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    let loaded = try directions.map { ($0.suffix, try $0.weights.replacing(state, $0.suffix)) }
    if !isTrial { directions = loaded }
  }

  func releaseCache() {
    for (_, weights) in directions {
      weights.input.packed?.releaseCache()
      weights.hidden.packed?.releaseCache()
    }
  }

  /// Weights of their own with the same values: packed ones are never changed in place.
  func copied() -> DynamicRecurrentState { DynamicRecurrentState(directions) }
}
