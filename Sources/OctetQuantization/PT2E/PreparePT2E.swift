import OctetGraph
import OctetNN
import OctetTensor

/// Puts observers into a captured graph where a quantizer wants them. torch.ao.quantization.quantize_pt2e.prepare_pt2e.
///
/// Batch norms behind convolutions are folded into them first. Run calibration data through the result, then call `convertPT2E`.
///
/// - Parameters:
///   - model: what `exportForTraining` has captured, of a model in evaluation mode. The graph is changed and given back; parameters are
///     shared with the model, which stays as it is.
///   - quantizer: says what is quantized.
/// - Throws: `invalidConfiguration` for annotations that can't be; whatever the quantizer throws.
public func preparePT2E(_ model: GraphModule, _ quantizer: any PT2EQuantizer) throws -> GraphModule
{
  try requireOperators(model, "prepare_pt2e")
  try NormFolding(module: model).fold()
  try annotate(model, quantizer)
  var observers = AnnotatedObservers(module: model, groups: try ObserverGroups(model.graph))
  try observers.run()
  return model
}

/// Puts fake quantizers into a captured graph where a quantizer wants them. torch.ao.quantization.quantize_pt2e.prepare_qat_pt2e.
///
/// A quantized convolution and the batch norm behind it become one training module, as `prepareQATFX` makes it: the weight is rounded as
/// folding will leave it. Train the result, call `moveExportedModelToEval`, then `convertPT2E`.
///
/// - Parameters:
///   - model: what `exportForTraining` has captured, of a model in training mode. The graph is changed and given back; parameters are
///     shared with the model, which trains along.
///   - quantizer: says what is quantized, with configurations for training.
/// - Throws: `invalidConfiguration` for annotations that can't be; whatever the quantizer throws.
public func prepareQATPT2E(_ model: GraphModule, _ quantizer: any PT2EQuantizer) throws
  -> GraphModule
{
  try requireOperators(model, "prepare_qat_pt2e")
  try annotate(model, quantizer)
  let folding = NormFolding(module: model)
  try folding.pair()
  let groups = try ObserverGroups(model.graph)
  try folding.fuse(groups)
  var observers = AnnotatedObservers(module: model, groups: groups)
  try observers.run()
  return model
}

private func annotate(_ model: GraphModule, _ quantizer: any PT2EQuantizer) throws {
  try quantizer.transformForAnnotation(model)
  try quantizer.annotate(model)
  try quantizer.validate(model)
}

/// Refuses graphs whose layers are modules, and graphs that have been prepared.
private func requireOperators(_ model: GraphModule, _ operation: String) throws {
  for node in model.graph.nodes {
    if node.observer(in: model) != nil {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "model",
        expected: "a graph that isn't prepared yet", received: "one with \(node.name)",
        fix: "capture the model again")
    }
    if let called = model.module(of: node), Families.family(of: called) != nil,
      !(called is BatchNorm), !exportKeeps(called)
    {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "model",
        expected: "a graph of operators", received: "one that calls \(type(of: called))",
        fix: "capture the model with exportForTraining", modulePath: node.name)
    }
  }
}
