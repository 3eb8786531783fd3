import OctetGraph
import OctetNN
import OctetQuantization
import OctetTensor

/// The workflows on graphs of whole models.
package enum FXWorkflow {
  /// One line per workflow.
  package static let all: [ParityOperation] = [
    ParityOperation("workflow.fx_static", run: runPrepared),
    ParityOperation("workflow.fx_dynamic", run: runPrepared),
    ParityOperation("workflow.fx_qat", run: runTraining),
  ]

  static func runFusion(_ given: WorkflowRun) throws -> ParityOutputs {
    var run = given
    let (model, inputs) = (run.model, try run.testInputs())
    let fused = try fuseFX(model, exampleInputs: inputs) { model.compute($0) }
    run.root = fused
    try run.noteFloatParameters(of: fused, fused: groups(fused))
    try run.finish()
    return run.outputs
  }

  static func runPrepared(_ call: ParityCase) throws -> ParityOutputs {
    for key in ["convert_custom_config", "backend_config", "reference"]
    where call.attributes.has(key) {
      throw WorkflowRun.malformed(key, "a workflow without it")
    }
    var run = try WorkflowRun(call)
    let model = run.model
    guard let example = try run.inputs("calib.0") else {
      throw WorkflowRun.malformed("in/calib.0", "a calibration batch")
    }
    let prepared = try prepareFX(
      model, mapping(call.attributes), exampleInputs: example,
      customConfig: customConfig(call.attributes)
    ) { model.compute($0) }
    run.root = prepared
    var step = 0
    while let batch = try run.inputs("calib.\(step)") {
      _ = try run.compute(batch)
      step += 1
    }
    notePrepared(prepared, &run)
    return try convert(prepared, &run)
  }

  private static func runTraining(_ call: ParityCase) throws -> ParityOutputs {
    var run = try WorkflowRun(call)
    let model = run.model
    model.train()
    guard let example = try run.inputs("train.0") else {
      throw WorkflowRun.malformed("in/train.0", "a training batch")
    }
    let prepared = try prepareQATFX(model, mapping(call.attributes), exampleInputs: example) {
      model.compute($0)
    }
    run.root = prepared
    run.outputs.tensors["loss"] = try TrainingWorkflow.train(
      run, call.attributes.dictionary("qat"))
    prepared.eval()
    notePrepared(prepared, &run)
    disableObserver(prepared)
    run.outputs.tensors["qat_y"] = try run.compute(run.testInputs())
    try run.noteFloatParameters(of: prepared, fused: groups(prepared))
    return try convert(prepared, &run)
  }

  private static func convert(_ prepared: GraphModule, _ run: inout WorkflowRun) throws
    -> ParityOutputs
  {
    let restriction =
      try run.call.attributes.has("convert_qconfig_mapping")
      ? mapping(run.call.attributes, "convert_qconfig_mapping") : nil
    let converted = try convertFX(prepared, mapping: restriction)
    run.root = converted
    try run.finish()
    run.outputs.structure["functions"] = functions(converted)
    try noteForms(converted, &run)
    return run.outputs
  }

  private static func groups(_ module: GraphModule) -> [[String]] {
    module.graph.nodes.map(\.fusedPaths).filter { !$0.isEmpty }
  }

  /// Notes the modules, the observers by value, and what they have calculated.
  private static func notePrepared(_ prepared: GraphModule, _ run: inout WorkflowRun) {
    if case .list(let entries) = WorkflowStructure.list(prepared) {
      run.outputs.structure["prepared"] = .list(
        entries.filter {
          $0.listValue?.first?.stringValue?.hasPrefix("activation_post_process") == false
        })
    }
    var observers: [(name: String, kind: String)] = []
    for node in prepared.graph.nodes {
      guard let observer = node.observer(in: prepared), let value = node.arguments[0] else {
        continue
      }
      observers.append((value.name, WorkflowStructure.kind(observer)))
      run.note(observer, value.name)
    }
    run.outputs.structure["observers"] = .list(
      observers.sorted { ($0.name, $0.kind) < ($1.name, $1.kind) }
        .map { .list([.string($0.name), .string($0.kind)]) })
  }

  /// How often each quantized function is called.
  private static func functions(_ module: GraphModule) -> AttributeValue {
    var counts: [String: Int] = [:]
    for node in module.graph.nodes {
      guard let name = node.functionName,
        name == "quantize_per_tensor" || name.hasPrefix("quantized.")
      else { continue }
      counts[name, default: 0] += 1
    }
    return .dictionary(counts.mapValues { .integer($0) })
  }

  /// Notes which of the values that the case names are integers; values that the graph doesn't have aren't compared.
  private static func noteForms(_ module: GraphModule, _ run: inout WorkflowRun) throws {
    var isInteger: [String: Bool] = [:]
    let inputs = try run.testInputs()
    _ = try collectingErrors {
      try module.run(inputs) { node, results in
        for (index, result) in results.enumerated() where index < node.suffixes.count {
          isInteger[Value(node, index).name] = result.isQuantized
        }
        return results
      }
    }
    let expected = try run.call.attributes.dictionary("expect")
    for (key, wanted) in [("quantized_values", true), ("float_values", false)]
    where expected.has(key) {
      let names = try expected.list(key).compactMap(\.stringValue)
      let other = try expected.list(wanted ? "float_values" : "quantized_values")
        .compactMap(\.stringValue)
      let kept = names.filter { isInteger[$0] ?? wanted == wanted }
      let moved = other.filter { isInteger[$0] == wanted }
      run.outputs.structure[key] = .list((kept + moved).sorted().map { .string($0) })
    }
  }

  // MARK: Configurations

  private static func customConfig(_ attributes: ParityAttributes) throws -> PrepareCustomConfig {
    guard attributes.has("prepare_custom_config") else { return PrepareCustomConfig() }
    let settings = try attributes.dictionary("prepare_custom_config")
    let known = [
      "non_traceable_module_name", "input_quantized_indexes", "output_quantized_indexes",
    ]
    guard settings.values.keys.allSatisfy(known.contains) else {
      throw WorkflowRun.malformed("prepare_custom_config", known.joined(separator: ", "))
    }
    func indexes(_ key: String) throws -> [Int] {
      guard settings.has(key) else { return [] }
      return try settings.list(key).compactMap {
        if case .integer(let index) = $0 { index } else { nil }
      }
    }
    let names =
      settings.has("non_traceable_module_name")
      ? try settings.list("non_traceable_module_name").compactMap(\.stringValue) : []
    return PrepareCustomConfig().setNonTraceableModuleNames(names)
      .setInputQuantizedIndexes(try indexes("input_quantized_indexes"))
      .setOutputQuantizedIndexes(try indexes("output_quantized_indexes"))
  }

  private static func mapping(
    _ attributes: ParityAttributes, _ key: String = "qconfig_mapping"
  ) throws -> QConfigMapping {
    let settings = try attributes.dictionary(key)
    var mapping = try base(settings)
    if settings.has("global") {
      mapping = try mapping.setGlobal(configuration(settings, "global"))
    }
    for entry in try entries(settings, "object_type", 2) {
      let qconfig = try WorkflowRun.configuration(entry[1])
      for type in try types(entry[0].stringValue ?? "") {
        mapping = mapping.setObjectType(type, qconfig)
      }
    }
    for entry in try entries(settings, "module_name_regex", 2) {
      mapping = try mapping.setModuleNameRegex(
        entry[0].stringValue ?? "", WorkflowRun.configuration(entry[1]))
    }
    for entry in try entries(settings, "module_name", 2) {
      mapping = try mapping.setModuleName(
        entry[0].stringValue ?? "", WorkflowRun.configuration(entry[1]))
    }
    for entry in try entries(settings, "module_name_object_type_order", 4) {
      guard case .integer(let index) = entry[2] else {
        throw WorkflowRun.malformed("module_name_object_type_order", "an index")
      }
      for type in try types(entry[1].stringValue ?? "") {
        mapping = try mapping.setModuleNameObjectTypeOrder(
          entry[0].stringValue ?? "", type, index, WorkflowRun.configuration(entry[3]))
      }
    }
    return mapping
  }

  private static func configuration(_ settings: ParityAttributes, _ key: String) throws -> QConfig?
  {
    try settings.values[key].flatMap { try WorkflowRun.configuration($0) }
  }

  private static func base(_ settings: ParityAttributes) throws -> QConfigMapping {
    guard let call = try settings.optionalString("base") else { return QConfigMapping() }
    let parts = call.split { "(), '".contains($0) }.map(String.init)
    guard parts.count > 1 else { throw WorkflowRun.malformed("base", "a call with a backend") }
    let backend = try Backend(named: parts[1])
    let version = parts.count > 2 ? Int(parts[2]) : nil
    switch parts[0] {
    case "get_default_qconfig_mapping":
      return try .getDefault(backend: backend, version: version ?? 0)
    case "get_default_qat_qconfig_mapping":
      return try .getDefaultQAT(backend: backend, version: version ?? 1)
    default: throw WorkflowRun.malformed("base", "a default mapping, not \(parts[0])")
    }
  }

  private static func entries(_ settings: ParityAttributes, _ key: String, _ count: Int) throws
    -> [[AttributeValue]]
  {
    guard settings.has(key) else { return [] }
    return try settings.list(key).map { entry in
      guard let parts = entry.listValue, parts.count == count else {
        throw WorkflowRun.malformed(key, "entries of \(count)")
      }
      return parts
    }
  }

  /// The kinds of step of a name: a layer's type, or a function. `operator.X` is the infix form of X, which these models don't use
  /// where they call `torch.X`.
  private static func types(_ name: String) throws -> [ObjectType] {
    let parts = name.split(separator: ".").map(String.init)
    if parts.count == 2, ["F", "torch"].contains(parts[0]) { return [.function(parts[1])] }
    if name.contains(".") { return [.function(name)] }
    guard let family = Families.all.first(where: { "\($0.float)" == name }) else {
      return name == "ReLU" ? [.type(ReLU.self)] : [.function(name)]
    }
    return [.type(family.float)]
  }
}
