import OctetGraph
import OctetNN
import OctetTensor

/// The operators that a model runs, as a graph: what `preparePT2E` and `prepareQATPT2E` take. torch.export.export_for_training.
///
/// Layers are opened up: their parameters and buffers are nodes of their own, shared with the model, and a layer of one operator gives
/// it its path for a name. What computes differently in training stays a module (batch norms, dropout), as do recurrent layers, so that
/// the graph can be trained and evaluated.
///
/// - Parameters:
///   - model: run once, in its mode.
///   - exampleInputs: an example of each input.
///   - call: runs the model; nil calls it with the only input.
/// - Throws: `untraceable` naming the module whose code depends on elements of tensors; whatever the model throws.
public func exportForTraining(
  _ model: Module, exampleInputs: [Tensor], calling call: (([Tensor]) throws -> Tensor)? = nil
) throws -> GraphModule {
  try Tracer.trace(
    model, exampleInputs,
    policy: LeafPolicy { module, _ in exportKeeps(module) }.namingAfterLayers(),
    calling: call)
}

/// True for modules that a captured graph calls.
func exportKeeps(_ module: Module) -> Bool {
  module is BatchNorm || module is Dropout || module is ChannelDropout
    || module is RecurrentModule<Tensor> || module is RecurrentModule<LSTMState>
}

/// Puts a captured graph into evaluation mode: batch norms use their running statistics, dropout does nothing. The same as `eval()`,
/// which captured graphs have, too: nothing need be allowed first. torch.ao.quantization.move_exported_model_to_eval.
@discardableResult
public func moveExportedModelToEval(_ model: GraphModule) -> GraphModule { model.eval() }

/// Puts a captured graph into training mode. torch.ao.quantization.move_exported_model_to_train.
@discardableResult
public func moveExportedModelToTrain(_ model: GraphModule) -> GraphModule { model.train() }
