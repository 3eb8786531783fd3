import OctetNN
import OctetQuantization
import OctetTensor

/// The eager workflows of the cases, run on whole models.
package enum EagerWorkflow {
  /// One line per workflow.
  package static let all: [ParityOperation] = [
    ParityOperation("workflow.eager_static", run: runStatic),
    ParityOperation("workflow.eager_dynamic", run: runDynamic),
    ParityOperation("workflow.fuse_modules", run: runFusion),
  ]

  private static func runStatic(_ call: ParityCase) throws -> ParityOutputs {
    let attributes = call.attributes
    var (model, outputs) = try start(call)
    try fuse(model, attributes)
    var root: Module = model
    for entry in try attributes.list("qconfig") {
      guard let pair = entry.listValue, pair.count == 2, let path = pair[0].stringValue,
        let handle = model.submodule(path)
      else { throw malformed("qconfig", "pairs of path and configuration") }
      handle.qconfig = try configuration(pair[1])
    }
    switch try attributes.optionalString("wrap") {
    case nil: break
    case "QuantWrapper": root = QuantWrapper(model).eval()
    case let other?: throw malformed("wrap", "QuantWrapper, not \(other)")
    }
    try prepare(root)
    outputs.structure["prepared"] = WorkflowStructure.list(root)
    var step = 0
    while let batch = try inputs(call, "calib.\(step)") {
      _ = try compute(model, root, batch)
      step += 1
    }
    for (path, handle) in WorkflowStructure.handles(root) {
      guard let observer = handle.activationPostProcess as? Observer else { continue }
      let parameters = try observer.calculateParameters()
      guard case .integer(let zeros) = parameters.zeroPoints else { continue }
      outputs.tensors["scale/\(path)"] = try Tensor(
        parameters.scales, shape: [parameters.scales.count])
      outputs.tensors["zero_point/\(path)"] = try Tensor(
        zeros.map(Int64.init), shape: [zeros.count])
    }
    try convert(root, allowUnobserved: true)
    try finish(call, model, root, &outputs)
    return outputs
  }

  private static func runDynamic(_ call: ParityCase) throws -> ParityOutputs {
    let attributes = call.attributes
    var (model, outputs) = try start(call)
    try fuse(model, attributes)
    guard !attributes.has("mapping") else { throw malformed("mapping", "the default mapping") }
    let dtype = try attributes.optionalDType("dtype") ?? .qint8
    if attributes.has("qconfig_spec") {
      try quantizeDynamic(
        model,
        only: chosen(model, attributes, dtype == .float16 ? .float16Dynamic : .defaultDynamic))
    } else {
      try quantizeDynamic(model, dtype: dtype)
    }
    try finish(call, model, model, &outputs)
    return outputs
  }

  /// The modules that `qconfig_spec` names and their configurations: a set of types or names, or a list of pairs.
  private static func chosen(
    _ model: WorkflowModel, _ attributes: ParityAttributes, _ common: QConfig
  ) throws -> [String: QConfig] {
    var chosen: [String: QConfig] = [:]
    func choose(_ key: String, _ name: String, _ qconfig: QConfig) {
      for (path, handle) in WorkflowStructure.handles(model) {
        let isMeant = key == "name" ? path == name : WorkflowStructure.kind(handle.current) == name
        if isMeant { chosen[path] = qconfig }
      }
    }
    if let set = try? attributes.dictionary("qconfig_spec") {
      for type in try set.optionalStrings("types") ?? [] { choose("type", type, common) }
      for name in try set.optionalStrings("names") ?? [] { choose("name", name, common) }
      return chosen
    }
    for entry in try attributes.list("qconfig_spec") {
      guard let parts = entry.listValue, parts.count == 3, let key = parts[0].stringValue,
        let name = parts[1].stringValue, let qconfig = try configuration(parts[2])
      else { throw malformed("qconfig_spec", "entries of type or name, and configuration") }
      choose(key, name, qconfig)
    }
    return chosen
  }

  private static func runFusion(_ call: ParityCase) throws -> ParityOutputs {
    let attributes = call.attributes
    guard try attributes.string("api") == "fuse_modules" else {
      throw malformed("api", "fuse_modules")
    }
    var (model, outputs) = try start(call)
    try fuse(model, attributes)
    for (path, handle) in WorkflowStructure.handles(model) {
      let layer = handle.current.children.first { $0.name == "0" }?.module ?? handle.current
      guard WorkflowStructure.kind(layer) != "Container" else { continue }
      for (name, tensor) in layer.ownState() where tensor.dtype == .float32 {
        outputs.tensors["param/\(path).\(name)"] = tensor
      }
    }
    try finish(call, model, model, &outputs)
    return outputs
  }

  /// The float model with the case's state, and its output.
  private static func start(_ call: ParityCase) throws -> (WorkflowModel, ParityOutputs) {
    let model = try WorkflowModel.named(call.attributes.string("model")).eval()
    var state = StateDictionary()
    for name in model.stateDictionary().names { state[name] = try call.state(name) }
    try model.load(state)
    var outputs = ParityOutputs([:])
    outputs.tensors["float_y"] = try compute(model, model, testInputs(call))
    return (model, outputs)
  }

  private static func fuse(_ model: Module, _ attributes: ParityAttributes) throws {
    guard attributes.has("fuse") else { return }
    try fuseModules(
      model,
      try attributes.list("fuse").map { group in (group.listValue ?? []).compactMap(\.stringValue) }
    )
  }

  /// The converted model's output, integer weights, biases and structure.
  private static func finish(
    _ call: ParityCase, _ model: WorkflowModel, _ root: Module, _ outputs: inout ParityOutputs
  ) throws {
    outputs.structure["converted"] = WorkflowStructure.list(root)
    outputs.tensors["y"] = try compute(model, root, testInputs(call))
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

  private static func compute(_ model: WorkflowModel, _ root: Module, _ batch: [Tensor]) throws
    -> Tensor
  {
    try collectingErrors { root === model ? model.compute(batch) : root(batch[0]) }
  }

  private static func testInputs(_ call: ParityCase) throws -> [Tensor] {
    guard let found = try inputs(call, "x") else { throw malformed("in/x", "a test input") }
    return found
  }

  private static func inputs(_ call: ParityCase, _ name: String) throws -> [Tensor]? {
    if let sole = try call.optionalInput(name) { return [sole] }
    return call.isList(name) ? try call.inputs(name) : nil
  }

  private static func configuration(_ value: AttributeValue) throws -> QConfig? {
    if let name = value.stringValue {
      // A call's arguments, as the cases spell them, become the name's parts.
      let parts = name.split { "(), '".contains($0) }.map(String.init)
      guard parts.count > 1 else { return try .named(name) }
      return try .named("\(parts[0]):\(parts[1]):\(parts.count > 2 ? parts[2] : "0")")
    }
    guard case .dictionary(let sides) = value else { return nil }
    return try ObserverParityOperations.configuration(ParityAttributes(sides, path: "qconfig"))
  }

  private static func malformed(_ argument: String, _ expected: String) -> OctetError {
    OctetError(
      .invalidConfiguration, operation: "parity case", argument: argument, expected: expected,
      received: "something else")
  }
}
