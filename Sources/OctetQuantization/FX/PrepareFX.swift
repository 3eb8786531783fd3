import OctetGraph
import OctetNN
import OctetTensor

/// A graph of a model in which sequences that fuse are one module. torch.ao.quantization.fuse_fx.
///
/// - Parameters:
///   - model: a model in evaluation mode. Its layers are shared with the graph unless they fuse.
///   - exampleInputs: an example of each input.
///   - call: runs the model; nil calls it with the only input.
/// - Throws: `untraceable`; `unsupportedModule` when a batch norm that would fuse is in training mode.
public func fuseFX(
  _ model: Module, exampleInputs: [Tensor], calling call: (([Tensor]) throws -> Tensor)? = nil
) throws -> GraphModule {
  let module = try Tracer.trace(model, exampleInputs, calling: call)
  var fusion = GraphFusion(module: module, operation: "fuse_fx", forTraining: false)
  try fusion.run()
  return module
}

/// A graph of a model with observers behind everything that will be quantized. torch.ao.quantization.prepare_fx.
///
/// Run calibration data through it, then call `convertFX`.
///
/// - Parameters:
///   - model: a model in evaluation mode; stubs are seen through.
///   - mapping: which configuration each step gets.
///   - exampleInputs: an example of each input.
///   - customConfig: modules that aren't looked into, inputs and outputs that are quantized.
///   - call: runs the model; nil calls it with the only input.
/// - Throws: `untraceable`; `unsupportedModule` when a batch norm that would fuse is in training mode; `invalidConfiguration`
///   when steps that fuse have different configurations by type.
public func prepareFX(
  _ model: Module, _ mapping: QConfigMapping, exampleInputs: [Tensor],
  customConfig: PrepareCustomConfig = PrepareCustomConfig(),
  calling call: (([Tensor]) throws -> Tensor)? = nil
) throws -> GraphModule {
  try prepare(
    model, mapping, exampleInputs, customConfig, call, operation: "prepare_fx", forTraining: false)
}

/// A graph of a model that trains for integers: layers round their weights, fake quantizers round activations, and batch norms stay in
/// fused modules until conversion. torch.ao.quantization.prepare_qat_fx.
///
/// - Parameters:
///   - model: the model to train; stubs are seen through. The graph is in its mode.
///   - mapping: which configuration each step gets.
///   - exampleInputs: an example of each input.
///   - customConfig: modules that aren't looked into, inputs and outputs that are quantized.
///   - call: runs the model; nil calls it with the only input.
/// - Throws: `untraceable`; `invalidConfiguration` for a weight configuration that isn't for training.
public func prepareQATFX(
  _ model: Module, _ mapping: QConfigMapping, exampleInputs: [Tensor],
  customConfig: PrepareCustomConfig = PrepareCustomConfig(),
  calling call: (([Tensor]) throws -> Tensor)? = nil
) throws -> GraphModule {
  try prepare(
    model, mapping, exampleInputs, customConfig, call, operation: "prepare_qat_fx",
    forTraining: true)
}

/// The passes of both preparations, in their order.
private func prepare(
  _ model: Module, _ mapping: QConfigMapping, _ exampleInputs: [Tensor],
  _ customConfig: PrepareCustomConfig, _ call: (([Tensor]) throws -> Tensor)?, operation: String,
  forTraining: Bool
) throws -> GraphModule {
  let module = try Tracer.trace(
    model, exampleInputs, policy: customConfig.leaves, calling: call)
  customConfig.mark(module.graph)
  assign(mapping, in: module)
  var fusion = GraphFusion(module: module, operation: operation, forTraining: forTraining)
  try fusion.run()
  if forTraining { try installTrainingForms(in: module) }
  var placement = ObserverPlacement(module: module)
  try placement.run()
  return module
}

/// Notes each step's configuration.
private func assign(_ mapping: QConfigMapping, in module: GraphModule) {
  for (node, type, qconfig) in configurations(mapping, in: module) {
    node.qconfig = qconfig
    node.typeQConfig = QConfigMapping.typeOnly(mapping, type)
  }
}

/// The kind of each step, and the configuration that a mapping has for it.
func configurations(_ mapping: QConfigMapping, in module: GraphModule) -> [(
  node: Node, type: ObjectType, qconfig: QConfig?
)] {
  var found: [(node: Node, type: ObjectType, qconfig: QConfig?)] = []
  var counts: [String: [ObjectType: Int]] = [:]
  for node in module.graph.nodes {
    let type: ObjectType
    if let called = module.module(of: node) {
      type = .type(Swift.type(of: called))
    } else if let function = node.functionName {
      type = .function(function)
    } else {
      continue
    }
    let index = counts[node.scopePath, default: [:]][type, default: 0]
    counts[node.scopePath, default: [:]][type] = index + 1
    found.append(
      (
        node, type,
        mapping.qconfig(
          type, path: node.modulePath ?? node.scopePath, order: (node.scopePath, index))
      ))
  }
  return found
}

extension QConfigMapping {
  /// What the mapping has for a type, or for all.
  fileprivate static func typeOnly(_ mapping: QConfigMapping, _ type: ObjectType) -> QConfig? {
    mapping.objectTypes.first { $0.key == type }.map(\.qconfig) ?? mapping.global
  }
}

/// Puts training forms in place of the layers that have one.
private func installTrainingForms(in module: GraphModule) throws {
  for node in module.graph.nodes {
    guard let path = node.modulePath, let qconfig = node.qconfig,
      let called = module.module(of: node),
      let recipe = Families.family(of: called)?.trained.first(where: { $0.use == .activations }),
      !(called is any TrainingForm)
    else { continue }
    do {
      module[module: path] = try recipe.make(called, qconfig).train(module.isTraining)
    } catch let error as OctetError {
      throw error.inside(path)
    }
  }
}
