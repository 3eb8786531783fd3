import OctetNN
import OctetQuantization
import OctetTensor

/// The eager workflows of the cases, run on whole models.
package enum EagerWorkflow {
  /// One line per workflow.
  package static let all: [ParityOperation] = [
    ParityOperation("workflow.eager_static", run: runStatic),
    ParityOperation("workflow.eager_dynamic", run: runDynamic),
    ParityOperation("workflow.eager_qat", run: TrainingWorkflow.run),
    ParityOperation("workflow.fuse_modules", run: runFusion),
    ParityOperation("workflow.quantize_embedding", run: runEmbedding),
  ]

  private static func runStatic(_ call: ParityCase) throws -> ParityOutputs {
    var run = try WorkflowRun(call)
    try fuseModules(run.model, run.fusedGroups())
    try run.configure()
    switch try call.attributes.optionalString("wrap") {
    case nil: break
    case "QuantWrapper": run.root = QuantWrapper(run.model).eval()
    case "add_quant_dequant":
      propagateQConfig(run.model)
      try addQuantDequant(run.model)
    case let other?:
      throw WorkflowRun.malformed("wrap", "QuantWrapper or add_quant_dequant, not \(other)")
    }
    try prepare(run.root)
    run.outputs.structure["prepared"] = WorkflowStructure.list(run.root)
    var step = 0
    while let batch = try run.inputs("calib.\(step)") {
      _ = try run.compute(batch)
      step += 1
    }
    try run.noteParameters()
    try convert(run.root, allowUnobserved: true)
    try run.finish()
    return run.outputs
  }

  private static func runDynamic(_ call: ParityCase) throws -> ParityOutputs {
    var run = try WorkflowRun(call)
    try fuseModules(run.model, run.fusedGroups())
    try quantizeDynamic(run)
    try run.finish()
    return run.outputs
  }

  private static func quantizeDynamic(_ run: WorkflowRun) throws {
    let attributes = run.call.attributes
    let dtype = try attributes.optionalDType("dtype") ?? .qint8
    guard attributes.has("qconfig_spec") else {
      return try OctetQuantization.quantizeDynamic(run.model, dtype: dtype)
    }
    var chosen: [String: QConfig] = [:]
    func choose(_ kind: String, _ name: String, _ qconfig: QConfig) {
      for (path, handle) in WorkflowStructure.handles(run.model) {
        let matches =
          kind == "name" ? path == name : WorkflowStructure.kind(handle.current) == name
        if matches { chosen[path] = qconfig }
      }
    }
    let fallback: QConfig = dtype == .float16 ? .float16Dynamic : .defaultDynamic
    if let sets = try? attributes.dictionary("qconfig_spec") {
      for (key, kind) in [("types", "type"), ("names", "name")] where sets.has(key) {
        for name in try sets.list(key) { choose(kind, name.stringValue ?? "", fallback) }
      }
    } else {
      for entry in try attributes.list("qconfig_spec") {
        guard let parts = entry.listValue, parts.count == 3, let kind = parts[0].stringValue,
          let name = parts[1].stringValue, let qconfig = try WorkflowRun.configuration(parts[2])
        else {
          throw WorkflowRun.malformed(
            "qconfig_spec", "entries of type or name, and configuration")
        }
        choose(kind, name, qconfig)
      }
    }
    try OctetQuantization.quantizeDynamic(run.model, only: chosen)
  }

  private static func runFusion(_ call: ParityCase) throws -> ParityOutputs {
    var run = try WorkflowRun(call)
    switch try call.attributes.string("api") {
    case "fuse_modules": try fuseModules(run.model, run.fusedGroups())
    case "fuse_modules_qat": try fuseModulesQAT(run.model, run.fusedGroups())
    case "fuse_fx": return try FXWorkflow.runFusion(run)
    case let other:
      throw WorkflowRun.malformed("api", "fuse_modules, fuse_modules_qat or fuse_fx, not \(other)")
    }
    try run.noteFloatParameters()
    try run.finish()
    return run.outputs
  }

  private static func runEmbedding(_ call: ParityCase) throws -> ParityOutputs {
    switch try call.attributes.string("flow") {
    case "eager": return try runStatic(call)
    case "dynamic": return try runDynamic(call)
    case "fx": return try FXWorkflow.runPrepared(call)
    case "pt2e": return try PT2EWorkflow.runPrepared(call)
    case let other:
      throw WorkflowRun.malformed("flow", "eager, dynamic, fx or pt2e, not \(other)")
    }
  }
}
