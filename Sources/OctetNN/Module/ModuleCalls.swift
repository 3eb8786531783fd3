import OctetTensor

/// A call with one tensor.
package struct UnaryCall: RecordedCall, @unchecked Sendable {
  var input: Tensor?

  /// A call without its tensor, unless one is given.
  package init(input: Tensor? = nil) { self.input = input }

  package var inputs: [Tensor?] { [input] }

  package func detached() -> any RecordedCall { UnaryCall() }

  package func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor] {
    guard let callee = module as? Module, inputs.count == 1, let input = inputs[0] else {
      throw mismatch(module, "a module and one tensor", inputs)
    }
    return [callee(input)]
  }
}

/// A call of a `TwoInputModule`.
struct BinaryCall: RecordedCall, @unchecked Sendable {
  var operands: (Tensor, Tensor)?

  var inputs: [Tensor?] { [operands?.0, operands?.1] }

  func detached() -> any RecordedCall { BinaryCall() }

  func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor] {
    guard let callee = module as? any TwoInputModule, inputs.count == 2, let first = inputs[0],
      let second = inputs[1]
    else { throw mismatch(module, "a module of two inputs and two tensors", inputs) }
    return [callee(first, second)]
  }
}

/// A call over bags: indices, offsets, factors.
struct BagCall: RecordedCall, @unchecked Sendable {
  var input: Tensor?
  var bags = Bags()

  var inputs: [Tensor?] { [input, bags.offsets, bags.perSampleWeights] }

  func detached() -> any RecordedCall { BagCall() }

  func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor] {
    guard let callee = module as? BagModule, inputs.count == 3, let input = inputs[0] else {
      throw mismatch(module, "a module over bags, indices, offsets and factors", inputs)
    }
    return [callee(input, offsets: inputs[1], perSampleWeights: inputs[2])]
  }
}

/// A call of a pool that also tells where its results stand.
struct IndexedPoolCall: RecordedCall, @unchecked Sendable {
  var input: Tensor?

  var inputs: [Tensor?] { [input] }

  func detached() -> any RecordedCall { IndexedPoolCall() }

  func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor] {
    guard let callee = module as? IndexedPool, inputs.count == 1, let input = inputs[0] else {
      throw mismatch(module, "a pool with indices and one tensor", inputs)
    }
    let result = callee.withIndices(input)
    return [result.output, result.indices]
  }
}

/// A call of attention: query, key, value and the two masks.
struct AttentionCall: RecordedCall, @unchecked Sendable {
  var tensors: [Tensor?]
  let arguments: AttentionArguments

  var inputs: [Tensor?] { tensors }

  func suffixes(_ count: Int) -> [String] { (0..<count).map { "[\($0)]" } }

  func detached() -> any RecordedCall {
    var arguments = arguments
    arguments.keyPaddingMask = nil
    arguments.attentionMask = nil
    return AttentionCall(tensors: [], arguments: arguments)
  }

  func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor] {
    guard let callee = module as? AttentionModule, inputs.count == 5, let query = inputs[0],
      let key = inputs[1], let value = inputs[2]
    else { throw mismatch(module, "attention, query, key, value and masks", inputs) }
    var arguments = arguments
    arguments.keyPaddingMask = inputs[3]
    arguments.attentionMask = inputs[4]
    let result = callee(query, key, value, arguments)
    return [result.output] + (result.weights.map { [$0] } ?? [])
  }
}

/// A call of a recurrent module: its input and the tensors of the state before. Results are the output and the tensors of the state
/// after.
struct RecurrentForm<State: RecurrentState>: RecordedCall, @unchecked Sendable {
  var input: Tensor?
  var state: State?
  let isCell: Bool
  let batchSizes: [Int]?

  var inputs: [Tensor?] { [input] + (state?.tensors ?? []) }

  /// torch's `output, h` and `output, (h, c)`; a cell gives its state alone.
  func suffixes(_ count: Int) -> [String] {
    if isCell { return count == 3 ? ["[0]", "[0]", "[1]"] : ["", ""] }
    return count == 3 ? ["[0]", "[1][0]", "[1][1]"] : ["[0]", "[1]"]
  }

  func detached() -> any RecordedCall {
    var copy = self
    copy.input = nil
    copy.state = nil
    return copy
  }

  func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor] {
    guard let callee = module as? RecurrentModule<State>, let input = inputs.first ?? nil else {
      throw mismatch(module, "a recurrent module and its input", inputs)
    }
    let before = inputs.dropFirst().compactMap { $0 }
    let result = callee.call(input, before.isEmpty ? nil : State.state(of: before), batchSizes)
    return [result.output] + result.state.tensors
  }
}

private func mismatch(_ module: AnyObject, _ expected: String, _ inputs: [Tensor?]) -> OctetError {
  OctetError(
    .unsupportedModule, operation: "call_module", argument: "inputs", expected: expected,
    received: "\(type(of: module)) and \(inputs.count) tensors",
    fix: "install a module that is called as the recorded one was")
}
