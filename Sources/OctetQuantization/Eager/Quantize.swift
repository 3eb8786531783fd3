import OctetNN
import OctetTensor

/// Prepares, calibrates and converts in one call, in place and in evaluation mode. torch.ao.quantization.quantize.
///
/// - Parameters:
///   - model: a model with a `qconfig`; copy it first to keep the float one.
///   - calibrate: runs calibration data through the model, such as with `defaultEvalFn`.
/// - Throws: what `prepare`, the data or `convert` throws.
public func quantize(_ model: Module, calibrate: (Module) throws -> Void) throws {
  model.eval()
  try prepare(model)
  try calibrate(model)
  try convert(model)
}

/// Prepares for training, trains and converts in one call, in place. torch.ao.quantization.quantize_qat.
///
/// - Parameters:
///   - model: a model with a `qconfig` for training, fused by `fuseModulesQAT`.
///   - target: which layers train.
///   - train: the training loop.
/// - Throws: what `prepareQAT`, the loop or `convert` throws.
public func quantizeQAT(
  _ model: Module, target: TrainingTarget = .activations, train: (Module) throws -> Void
) throws {
  model.train()
  try prepareQAT(model, target: target)
  try train(model)
  try convert(model, to: target == .runTime ? .dynamic : .quantized)
}

/// Runs a model on the inputs of pairs of input and target, and lets go of the outputs.
/// torch.ao.quantization.default_eval_fn.
public func defaultEvalFn(_ model: Module, _ data: some Swift.Sequence<(Tensor, Tensor)>) throws {
  for (input, _) in data { _ = try model.evaluate(input) }
}

/// The form that conversion would install for one module: hooks and mode are the module's. The module itself when it has no
/// configuration or its type no such form. torch.ao.quantization.swap_module.
///
/// - Throws: `notObserved` when the form needs the output's scale and no observer watched it.
public func swapModule(_ module: Module, to target: ConversionTarget = .quantized) throws -> Module
{
  guard let qconfig = module.qconfig,
    let form = try Conversion(target: target).successor(of: module.current, in: module, qconfig)
  else { return module }
  form.preHooks = module.preHooks
  form.postHooks = module.postHooks
  return form.train(module.isTraining)
}
