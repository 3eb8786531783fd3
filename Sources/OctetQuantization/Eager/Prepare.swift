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
  var preparation = Preparation()
  guard try preparation.visit(model, "") > 0 else {
    throw OctetError(
      .invalidConfiguration, operation: "prepare", argument: "qconfig",
      expected: "a configuration on the model or a module below it", received: "none",
      fix: "set model.qconfig, for example to .default")
  }
  try install(preparation.swaps, in: model)
  for handle in preparation.places {
    guard let observer = handle.qconfig?.activation(), !observer.isDynamic else { continue }
    handle.activationPostProcess = observer
  }
}

/// What `prepare` is about to do: nothing is done before all of it fits.
private struct Preparation {
  /// Handles whose output is to be watched.
  var places: [Module] = []
  /// Quantizable forms and the handles they replace.
  var swaps: [(handle: Module, successor: Module)] = []

  /// Looks at a handle and all below it; returns how many modules will be quantized.
  mutating func visit(_ handle: Module, _ path: String) throws -> Int {
    let family = Families.family(of: handle.current)
    if let qconfig = handle.qconfig, let form = family?.quantizable {
      if swaps.contains(where: { $0.handle === handle }) { return 0 }
      return try swap(handle, form(handle.current), qconfig, path)
    }
    var count = 0
    if family?.isFused != true {
      for (name, child) in handle.children {
        count += try visit(child, path.isEmpty ? name : "\(path).\(name)")
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

  /// Takes a module's quantizable form, whose parts follow the module's configuration.
  private mutating func swap(
    _ handle: Module, _ form: Module, _ qconfig: QConfig, _ path: String
  ) throws -> Int {
    form.qconfig = qconfig
    propagateQConfig(form)
    swaps.append((handle, form))
    return try visit(form, path) + 1
  }
}
