import OctetTensor

/// The base of rules that change parameters by their gradients. torch.optim.Optimizer.
///
/// Parameters without a gradient stay as they are. A tensor that shares its memory with a parameter (a state dictionary, a view)
/// keeps the values it had.
public class Optimizer {
  /// What is trained.
  public let parameters: [Parameter]
  /// The step size, which schedulers change.
  public var learningRate: Double

  init(_ parameters: [Parameter], learningRate: Double) {
    precondition(
      learningRate >= 0,
      "learningRate: expected a number that isn't negative, received \(learningRate)")
    self.parameters = parameters
    self.learningRate = learningRate
  }

  /// Moves every parameter that has a gradient.
  public final func step() throws(OctetError) {
    for (index, parameter) in parameters.enumerated() {
      guard !parameter.isDropped, let gradient = parameter.gradient else { continue }
      guard gradient.dtype == .float32, parameter.value.dtype == .float32,
        gradient.shape == parameter.value.shape
      else {
        throw OctetError(
          .dtypeMismatch, operation: "\(type(of: self)).step", argument: "parameters[\(index)]",
          expected: "a float32 parameter and a gradient of its shape \(parameter.value.shape)",
          received:
            "\(parameter.value.dtype.rawValue), gradient \(gradient.dtype.rawValue) of shape "
            + "\(gradient.shape)")
      }
      let dense = try gradient.detached().contiguous()
      try parameter.value.withOwnElements { values throws(OctetError) in
        try update(index, values, dense)
      }
    }
  }

  /// Moves one parameter's elements by its dense gradient.
  func update(
    _ index: Int, _ values: UnsafeMutableBufferPointer<Float>, _ gradient: Tensor
  ) throws(OctetError) {}

  /// Forgets all gradients. torch's `zero_grad()`.
  public final func zeroGradients() {
    for parameter in parameters { parameter.gradient = nil }
  }

  /// What a checkpoint keeps: the learning rate and what the rule remembers of each parameter, under `<index>.<name>`.
  public final func stateDictionary() -> StateDictionary {
    var state = StateDictionary()
    state["learning_rate"] = Tensor(scalar: learningRate)
    for (name, tensor) in memory() { state[name] = tensor }
    return state
  }

  /// Takes back what `stateDictionary` gave.
  ///
  /// - Throws: `stateMismatch` when a tensor is missing or doesn't fit its parameter.
  public final func load(_ state: StateDictionary) throws(OctetError) {
    guard let rate = state["learning_rate"] else {
      throw Self.mismatch("learning_rate", "a number", "none")
    }
    let value = try rate.item()
    try remember(state)
    learningRate = value
  }

  func memory() -> [(String, Tensor)] { [] }

  func remember(_ state: StateDictionary) throws(OctetError) {}

  static func mismatch(_ name: String, _ expected: String, _ received: String) -> OctetError {
    OctetError(
      .stateMismatch, operation: "Optimizer.load", argument: name, expected: expected,
      received: received, fix: "load the state of an optimizer of the same kind and model")
  }
}

/// One remembered tensor for each parameter, made when it is first needed.
struct ParameterMemory {
  let name: String
  private var tensors: [Int: Tensor] = [:]

  init(_ name: String) { self.name = name }

  /// True when nothing is remembered of a parameter.
  func isFresh(_ index: Int) -> Bool { tensors[index] == nil }

  /// The remembered elements of a parameter, zeros at first.
  mutating func with<Result>(
    _ index: Int, _ shape: [Int],
    _ body: (UnsafeMutableBufferPointer<Float>) throws(OctetError) -> Result
  ) throws(OctetError) -> Result {
    let tensor: Tensor
    if let known = tensors[index] {
      tensor = known
    } else {
      tensor = try Tensor(repeating: Float(0), shape: shape)
      tensors[index] = tensor
    }
    return try tensor.withOwnElements(body)
  }

  var entries: [(String, Tensor)] {
    tensors.sorted { $0.key < $1.key }.map { ("\($0.key).\(name)", $0.value.detached()) }
  }

  /// Takes the tensors of a state that fit the parameters.
  mutating func load(_ state: StateDictionary, _ parameters: [Parameter]) throws(OctetError) {
    var found: [Int: Tensor] = [:]
    for (index, parameter) in parameters.enumerated() {
      let key = "\(index).\(name)"
      guard let tensor = state[key] else { continue }
      guard tensor.dtype == .float32, tensor.shape == parameter.value.shape else {
        throw Optimizer.mismatch(
          key, "float32 of shape \(parameter.value.shape)",
          "\(tensor.dtype.rawValue) of shape \(tensor.shape)")
      }
      found[index] = tensor.detached()
    }
    tensors = found
  }
}
