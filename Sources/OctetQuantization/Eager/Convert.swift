import OctetNN
import OctetTensor

/// Replaces every observed module by its integer form, in place; the float parameters of what was replaced are released.
/// torch.ao.quantization.convert.
///
/// - Parameters:
///   - model: a prepared model that has run calibration data.
///   - allowUnobserved: takes scale 1 and zero point 0 where an observer saw no data, as torch does with a warning.
/// - Throws: `notObserved` naming the module when an observer saw no data. Nothing changes unless every module converts.
public func convert(_ model: Module, allowUnobserved: Bool = false) throws {
  var installs: [(handle: Module, successor: Module)] = []
  try collectConversions(model, "", allowUnobserved, into: &installs)
  guard !installs.isEmpty else {
    throw OctetError(
      .invalidConfiguration, operation: "convert", argument: "model",
      expected: "a model that prepare has seen", received: "no observed module",
      fix: "call prepare and run calibration data first")
  }
  try install(installs, in: model)
  model.applyToAll { module in
    module.activationPostProcess = nil
    module.qconfigSetting = .inherited
  }
}

private func collectConversions(
  _ handle: Module, _ path: String, _ allowUnobserved: Bool,
  into installs: inout [(handle: Module, successor: Module)]
) throws {
  let module = handle.current
  let family = Families.family(of: module)
  if family?.isFused != true {
    for (name, child) in handle.children {
      let childPath = path.isEmpty ? name : "\(path).\(name)"
      try collectConversions(child, childPath, allowUnobserved, into: &installs)
    }
  }
  guard let qconfig = handle.qconfig, let form = family?.quantized,
    handle.activationPostProcess != nil || family?.isObserved == false
  else { return }
  let context = ConversionContext(
    qconfig: qconfig, activation: handle.activationPostProcess as? Observer,
    operation: "convert")
  guard allowUnobserved || context.activation?.hasObserved != false else {
    throw OctetError(
      .notObserved, operation: "convert", argument: "activation_post_process",
      expected: "an observer that has seen calibration data", received: "one that saw none",
      fix: "run calibration data through the prepared model", modulePath: path)
  }
  do {
    installs.append((handle, try form(module, context)))
  } catch let error as OctetError {
    throw error.modulePath.isEmpty ? error.inside(path) : error
  }
}

/// Replaces linear and recurrent layers by forms with integer weights that quantize their input at run time, in place; no calibration is
/// needed. torch.ao.quantization.quantize_dynamic.
///
/// - Parameters:
///   - model: the model.
///   - qconfig: for every module that has a dynamic form.
///   - configurations: configurations by dotted path, instead of `qconfig`; only these modules are replaced.
/// - Throws: `unsupportedModule` for a path that doesn't exist or has no dynamic form. Nothing changes unless all fit.
public func quantizeDynamic(
  _ model: Module, qconfig: QConfig = .defaultDynamic, only configurations: [String: QConfig]? = nil
) throws {
  var installs: [(handle: Module, successor: Module)] = []
  for path in (configurations ?? [:]).keys.sorted() {
    guard let handle = model.submodule(path), Families.family(of: handle.current)?.dynamic != nil
    else {
      throw OctetError(
        .unsupportedModule, operation: "quantize_dynamic", argument: "qconfig_spec",
        expected: "the path of a module with a dynamic form", received: "'\(path)'")
    }
  }
  try collectDynamic(model, "", qconfig, configurations, into: &installs)
  try install(installs, in: model)
}

/// The same with the configuration that a weight type stands for: qint8 or float16.
///
/// - Throws: `invalidConfiguration` for another type. Nothing changes unless all modules fit.
public func quantizeDynamic(_ model: Module, dtype: DType) throws {
  try quantizeDynamic(model, qconfig: .dynamic(dtype))
}

extension QConfig {
  /// The configuration that `quantizeDynamic` takes for a weight type.
  ///
  /// - Throws: `invalidConfiguration` for a type that is neither qint8 nor float16.
  package static func dynamic(_ dtype: DType) throws(OctetError) -> QConfig {
    switch dtype {
    case .qint8: return .defaultDynamic
    case .float16: return .float16Dynamic
    default:
      throw OctetError(
        .invalidConfiguration, operation: "quantize_dynamic", argument: "dtype",
        expected: "qint8 or float16", received: dtype.rawValue,
        fix: "pass a configuration for modules with other weights")
    }
  }
}

private func collectDynamic(
  _ handle: Module, _ path: String, _ qconfig: QConfig, _ only: [String: QConfig]?,
  into installs: inout [(handle: Module, successor: Module)]
) throws {
  let module = handle.current
  let family = Families.family(of: module)
  if family?.isFused != true {
    for (name, child) in handle.children {
      try collectDynamic(
        child, path.isEmpty ? name : "\(path).\(name)", qconfig, only, into: &installs)
    }
  }
  guard let form = family?.dynamic, let chosen = only == nil ? qconfig : only?[path] else { return }
  let context = ConversionContext(qconfig: chosen, activation: nil, operation: "quantize_dynamic")
  installs.append((handle, try form(module, context)))
}
