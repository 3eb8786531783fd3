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
  var qconfig = inherited
  switch (module.qconfigSetting, configurations[path]) {
  case (.set(let own), _): qconfig = own
  case (.inherited, let entry?):
    qconfig = entry
    module.qconfig = entry
  case (.inherited, nil):
    if let inherited { module.qconfig = inherited }
  }
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
/// - Throws: `invalidConfiguration` when no module has a configuration, or the model was prepared already. No observer is
///   placed then.
public func prepare(_ model: Module, _ configurations: [String: QConfig?] = [:]) throws {
  propagateQConfig(model, configurations)
  var places: [Module] = []
  guard try collectPlaces(model, "", into: &places) > 0 else {
    throw OctetError(
      .invalidConfiguration, operation: "prepare", argument: "qconfig",
      expected: "a configuration on the model or a module below it", received: "none",
      fix: "set model.qconfig, for example to .default")
  }
  for handle in places {
    guard let observer = handle.qconfig?.activation(), !observer.isDynamic else { continue }
    handle.activationPostProcess = observer
  }
}

/// Lists the handles whose output is to be watched; returns how many modules will be quantized.
private func collectPlaces(_ handle: Module, _ path: String, into places: inout [Module]) throws
  -> Int
{
  let family = Families.family(of: handle.current)
  var count = 0
  if family?.isFused != true {
    for (name, child) in handle.children {
      count += try collectPlaces(child, path.isEmpty ? name : "\(path).\(name)", into: &places)
    }
  }
  guard handle.qconfig != nil, let family else { return count }
  guard handle.activationPostProcess == nil else {
    throw OctetError(
      .invalidConfiguration, operation: "prepare", argument: "model",
      expected: "a model without observers", received: "an observer at \(path)",
      fix: "prepare a model once", modulePath: path)
  }
  // A stub that ends the integers is part of what is quantized, though nobody watches it.
  if family.isObserved { places.append(handle) }
  return count + 1
}
