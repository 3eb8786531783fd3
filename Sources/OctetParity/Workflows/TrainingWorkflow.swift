import OctetNN
import OctetQuantization
import OctetTensor

/// Quantization-aware training of whole models: fuse, prepare, train, convert.
enum TrainingWorkflow {
  /// Runs a case.
  static func run(_ call: ParityCase) throws -> ParityOutputs {
    var run = try WorkflowRun(call)
    let attributes = call.attributes
    let mapping = try attributes.optionalString("mapping")
    if try !attributes.bool("eval_mode", default: false) { run.model.train() }
    try fuseModulesQAT(run.model, run.fusedGroups())
    try run.configure()
    try prepareQAT(run.model, target: target(mapping))
    run.outputs.structure["prepared"] = WorkflowStructure.list(run.root)
    run.outputs.tensors["loss"] = try train(run, attributes.dictionary("qat"))
    run.model.eval()
    try run.noteParameters()
    disableObserver(run.model)
    run.outputs.tensors["qat_y"] = try run.compute(run.testInputs())
    try run.noteFloatParameters()
    try convert(run.model, to: mapping == "dynamic" ? .dynamic : .quantized, allowUnobserved: true)
    try run.finish()
    return run.outputs
  }

  private static func target(_ mapping: String?) throws -> TrainingTarget {
    switch mapping {
    case nil: .activations
    case "embedding": .embeddings
    case "dynamic": .runTime
    case let other?: throw WorkflowRun.malformed("mapping", "embedding or dynamic, not \(other)")
    }
  }

  /// Trains by gradient descent with momentum; returns the losses.
  static func train(_ run: WorkflowRun, _ settings: ParityAttributes) throws -> Tensor {
    let rate = Float(try settings.double("lr"))
    let momentum = Float(try settings.double("momentum", default: 0))
    let name = try settings.string("loss")
    var batches = 0
    while try run.call.optionalInput("target.\(batches)") != nil { batches += 1 }
    let parameters = run.root.parameters
    var velocities: [ObjectIdentifier: Tensor] = [:]
    var losses: [Float] = []
    if settings.has("enable_fake_quant_at") { disableFakeQuant(run.root) }
    for step in 0..<(try settings.int("steps")) {
      try switchAt(step, run.root, settings)
      guard let batch = try run.inputs("train.\(step % batches)") else { break }
      let target = try run.call.input("target.\(step % batches)")
      run.root.zeroGradients()
      let loss = try loss(name, run.compute(batch), target)
      losses.append(Float(try loss.item()))
      try loss.backward()
      try noGrad {
        for parameter in parameters {
          guard var change = parameter.gradient else { continue }
          if let velocity = velocities[ObjectIdentifier(parameter)] {
            change = velocity * momentum + change
          }
          velocities[ObjectIdentifier(parameter)] = change
          parameter.value = try Functional.subtract(parameter.value, change * rate)
        }
      }
    }
    return try Tensor(losses, shape: [losses.count])
  }

  private static func switchAt(
    _ step: Int, _ model: Module, _ settings: ParityAttributes
  ) throws {
    if try settings.optionalInt("disable_observer_at") == step { disableObserver(model) }
    if try settings.optionalInt("enable_fake_quant_at") == step { enableFakeQuant(model) }
    if try settings.optionalInt("freeze_bn_at") == step { freezeBnStats(model) }
  }

  /// The mean squared error over all elements, or the mean cross entropy over the batch.
  private static func loss(_ name: String, _ output: Tensor, _ target: Tensor) throws -> Tensor {
    if name == "mse" {
      return try Functional.mean(Functional.square(Functional.subtract(output, target)))
    }
    guard name == "cross_entropy" else {
      throw WorkflowRun.malformed("qat.loss", "mse or cross_entropy, not \(name)")
    }
    let chosen = try Functional.gather(
      Functional.logSoftmax(output, dim: 1), dim: 1, index: target.unsqueezed(1))
    return try Functional.negative(Functional.mean(chosen))
  }
}
