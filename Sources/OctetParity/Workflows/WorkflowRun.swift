import OctetGraph
import OctetNN
import OctetQuantization
import OctetTensor

/// What the eager workflows share: a model with its case, and the outputs as they come.
struct WorkflowRun {
  let call: ParityCase
  /// The model itself.
  let model: WorkflowModel
  /// What runs: the model, or a wrapper around it.
  var root: Module
  var outputs = ParityOutputs([:])

  /// The float model with the case's state, and its output.
  init(_ call: ParityCase) throws {
    self.call = call
    model = try WorkflowModel.named(call.attributes.string("model")).eval()
    root = model
    var state = StateDictionary()
    for name in model.stateDictionary().names { state[name] = try call.state(name) }
    try model.load(state)
    model.train(try call.attributes.bool("training", default: false))
    outputs.tensors["float_y"] = try compute(
      testInputs().map { try $0.isQuantized ? $0.dequantized() : $0 })
    // In training mode that has moved running statistics.
    try model.load(state)
  }

  /// The groups that the case fuses.
  func fusedGroups() throws -> [[String]] {
    guard call.attributes.has("fuse") else { return [] }
    return try call.attributes.list("fuse").map { ($0.listValue ?? []).compactMap(\.stringValue) }
  }

  /// Gives modules the case's configurations, in its order.
  func configure() throws {
    for entry in try call.attributes.list("qconfig") {
      guard let pair = entry.listValue, pair.count == 2, let path = pair[0].stringValue,
        let handle = model.submodule(path)
      else { throw Self.malformed("qconfig", "pairs of path and configuration") }
      handle.qconfig = try Self.configuration(pair[1])
    }
  }

  /// The model's output of a batch.
  func compute(_ batch: [Tensor]) throws -> Tensor {
    try collectingErrors {
      if let graph = root as? GraphModule { return graph(batch) }
      return root === model ? model.compute(batch) : root(batch[0])
    }
  }

  /// The test input.
  func testInputs() throws -> [Tensor] {
    guard let found = try inputs("x") else { throw Self.malformed("in/x", "a test input") }
    return found
  }

  /// A batch of one or several inputs, nil when there is none of that name.
  func inputs(_ name: String) throws -> [Tensor]? {
    if let sole = try call.optionalInput(name) { return [sole] }
    return call.isList(name) ? try call.inputs(name) : nil
  }

  /// Notes what the observers of the modules have calculated.
  mutating func noteParameters() throws {
    for (path, handle) in WorkflowStructure.handles(root) {
      if let observer = handle.activationPostProcess as? Observer { note(observer, path) }
    }
  }

  /// Notes what an observer has calculated, if it calculates anything.
  mutating func note(_ observer: Observer, _ name: String) {
    guard let parameters = try? observer.calculateParameters(),
      case .integer(let zeros) = parameters.zeroPoints
    else { return }
    outputs.tensors["scale/\(name)"] = try? Tensor(
      parameters.scales, shape: [parameters.scales.count])
    outputs.tensors["zero_point/\(name)"] = try? Tensor(
      zeros.map(Int64.init), shape: [zeros.count])
  }

  /// Notes float parameters and running statistics under the names that they have in the float model.
  mutating func noteFloatParameters() throws {
    try noteFloatParameters(of: model, fused: fusedGroups())
  }

  /// Notes those of what runs, whose modules were fused from these groups.
  mutating func noteFloatParameters(of root: Module, fused groups: [[String]]) throws {
    for (path, handle) in WorkflowStructure.handles(root) where !(handle.current is Observer) {
      let module = handle.current
      guard WorkflowStructure.kind(module) != "Container" else { continue }
      let group = groups.first { $0.first == path } ?? [path]
      note(module.ownState(), path)
      for (name, child) in module.children {
        // A batch norm that trains on is the group's second module, the parts of a fused module are the group's.
        let place = name == "bn" ? 1 : Int(name)
        if let place, group.indices.contains(place) {
          note(child.current.ownState(), group[place])
        }
      }
    }
  }

  private mutating func note(_ state: [(name: String, tensor: Tensor)], _ path: String) {
    for (name, tensor) in state where tensor.dtype == .float32 {
      outputs.tensors["param/\(path).\(name)"] = tensor
    }
  }

  /// Notes the converted model's output, integer weights, biases and structure.
  mutating func finish() throws {
    outputs.structure["converted"] = WorkflowStructure.list(root)
    outputs.tensors["y"] = try compute(testInputs())
    for (path, handle) in WorkflowStructure.handles(root) {
      for (name, tensor) in handle.current.ownState() {
        if name.hasPrefix("weight"), tensor.isQuantized || tensor.dtype == .float16 {
          let key = name == "weight" ? path : "\(path).\(name)"
          outputs.tensors["weight/\(key)"] =
            tensor.isQuantized ? tensor : try tensor.converted(to: .float32)
        }
        if name == "bias" { outputs.tensors["bias/\(path)"] = tensor }
      }
    }
  }

  /// A configuration as the cases spell it.
  static func configuration(_ value: AttributeValue) throws -> QConfig? {
    if let name = value.stringValue {
      // A call's arguments become the name's parts; the version's default depends on the call.
      let parts = name.split { "(), '".contains($0) }.map(String.init)
      guard parts.count > 1 else { return try .named(name) }
      let version = parts[0].contains("qat") ? "1" : "0"
      return try .named("\(parts[0]):\(parts[1]):\(parts.count > 2 ? parts[2] : version)")
    }
    guard case .dictionary(let sides) = value else { return nil }
    return try ObserverParityOperations.configuration(ParityAttributes(sides, path: "qconfig"))
  }

  static func malformed(_ argument: String, _ expected: String) -> OctetError {
    OctetError(
      .invalidConfiguration, operation: "parity case", argument: argument, expected: expected,
      received: "something else")
  }
}
