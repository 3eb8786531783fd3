import OctetNN
import OctetTensor

/// Gives every module its configuration, top down: a module's own setting beats an entry for its path, which beats one for its
/// type, which beats its parent's. torch.ao.quantization.propagate_qconfig_.
///
/// - Parameters:
///   - model: where to start.
///   - configurations: by dotted path; nil leaves a subtree in float.
public func propagateQConfig(_ model: Module, _ configurations: [String: QConfig?] = [:]) {
  propagate(model, "", configurations, inherited: nil)
}

private func propagate(
  _ module: Module, _ path: String, _ configurations: [String: QConfig?], inherited: QConfig?
) {
  var qconfig = configurations[path] ?? inherited
  if case .set(let own) = module.qconfigSetting { qconfig = own }
  module.qconfig = qconfig
  for (name, child) in module.children {
    propagate(child, path.isEmpty ? name : "\(path).\(name)", configurations, inherited: qconfig)
  }
}

/// Puts an observer behind every module that will be quantized, in place. torch.ao.quantization.prepare.
///
/// Set `model.qconfig` first, then call this on a model in evaluation mode, run calibration data, and call `convert`.
///
/// - Parameters:
///   - model: the model; modules with `qconfig` nil are left alone, with all below them.
///   - configurations: configurations by dotted path.
/// - Throws: `invalidConfiguration` when no module has a configuration, or the model was prepared already.
public func prepare(_ model: Module, _ configurations: [String: QConfig?] = [:]) throws {
  propagateQConfig(model, configurations)
  guard try observe(model, "") > 0 else {
    throw OctetError(
      .invalidConfiguration, operation: "prepare", argument: "qconfig",
      expected: "a configuration on the model or a module below it", received: "none",
      fix: "set model.qconfig, for example to .default")
  }
}

private func observe(_ handle: Module, _ path: String) throws -> Int {
  let module = handle.current
  let family = Families.family(of: module)
  var count = 0
  if family?.isFused != true {
    for (name, child) in handle.children {
      count += try observe(child, path.isEmpty ? name : "\(path).\(name)")
    }
  }
  guard let qconfig = handle.qconfig, let family else { return count }
  // A stub that ends the integers is part of what is quantized, though nobody watches it.
  guard family.isObserved else { return count + 1 }
  guard handle.activationPostProcess == nil else {
    throw OctetError(
      .invalidConfiguration, operation: "prepare", argument: "model",
      expected: "a model without observers", received: "an observer at \(path)",
      fix: "prepare a model once", modulePath: path)
  }
  let observer = qconfig.activation()
  if !observer.isDynamic { handle.activationPostProcess = observer }
  return count + 1
}
