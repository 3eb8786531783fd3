import OctetNN
import OctetTensor

/// What `convert` makes of modules.
public enum ConversionTarget: Sendable {
  /// Integer forms with fixed parameters. torch's static mapping.
  case quantized
  /// Forms that quantize activations at run time. torch's dynamic mapping.
  case dynamic
  /// Float forms with quantized and dequantized weights: what integer forms are lowered from. torch's `is_reference`.
  case reference
}

/// Replaces every observed module by its integer form, in place; the float parameters of what was replaced are released.
/// torch.ao.quantization.convert.
///
/// Modules that trained for integers are quantized as they were rounded: batch norms are folded, and the weight's own fake
/// quantizer, which sees the folded weight once more, says the parameters.
///
/// - Parameters:
///   - model: a prepared model that has run calibration data, or was trained.
///   - target: which forms to install.
///   - allowUnobserved: takes scale 1 and zero point 0 where an observer saw no data, as torch does with a warning.
///   - removeQConfig: false keeps configurations, to convert further modules later.
///   - usePrecomputedFakeQuant: takes the parameters that a weight was trained with as they are, without another look at it.
///   - batches: inputs to run before and after, to see what integers change. The outputs of all layers are kept meanwhile.
/// - Returns: how far each converted layer's output moved, in the order in which layers run; nothing without batches.
/// - Throws: `notObserved` naming the module when an observer saw no data. Nothing changes unless every module converts.
@discardableResult
public func convert(
  _ model: Module, to target: ConversionTarget = .quantized, allowUnobserved: Bool = false,
  removeQConfig: Bool = true, usePrecomputedFakeQuant: Bool = false,
  comparingOn batches: [Tensor] = []
) throws -> [LayerDifference] {
  var conversion = Conversion(
    target: target, allowsUnobserved: allowUnobserved,
    usesPrecomputedFakeQuant: usePrecomputedFakeQuant)
  try conversion.visit(model, "")
  guard !conversion.installs.isEmpty else {
    throw OctetError(
      .invalidConfiguration, operation: "convert", argument: "model",
      expected: "a model that prepare has seen", received: "no observed module",
      fix: "call prepare and run calibration data first")
  }
  let paths = batches.isEmpty ? [] : conversion.paths(in: model)
  let before = try LayerOutputs(of: model, at: paths, for: batches)
  try install(conversion.installs, in: model)
  model.applyToAll { module in
    module.activationPostProcess = nil
    module.watchesInput = false
    if removeQConfig { module.qconfigSetting = .inherited }
  }
  return before.differences(to: try LayerOutputs(of: model, at: paths, for: batches))
}

/// What `convert` is about to do: nothing is done before all of it fits.
struct Conversion {
  let target: ConversionTarget
  var allowsUnobserved = false
  var usesPrecomputedFakeQuant = false
  var installs: [(handle: Module, successor: Module)] = []

  /// The first path of each handle that gets a successor.
  func paths(in model: Module) -> [String] {
    var wanted = Set(installs.map { ObjectIdentifier($0.handle) })
    return model.namedModules().map(\.path).filter { path in
      model.submodule(path).map { wanted.remove(ObjectIdentifier($0)) != nil } ?? false
    }
  }

  /// Looks at a handle and all below it.
  mutating func visit(_ handle: Module, _ path: String) throws {
    let module = handle.current
    let family = Families.family(of: module)
    if family?.isFused != true, !(module is any TrainingForm) {
      for (name, child) in handle.children {
        try visit(child, path.isEmpty ? name : "\(path).\(name)")
      }
    }
    guard let qconfig = handle.qconfig,
      handle.activationPostProcess != nil || family?.isObserved == false
    else { return }
    do {
      if let successor = try successor(of: module, in: handle, qconfig) {
        installs.append((handle, successor))
      }
    } catch let error as OctetError {
      throw error.modulePath.isEmpty ? error.inside(path) : error
    }
  }

  /// The form of a module; a training form's is that of the float module it gives.
  func successor(of module: Module, in handle: Module, _ qconfig: QConfig) throws
    -> Module?
  {
    let trained = module as? any TrainingForm
    let float = try trained?.toFloat() ?? module
    let family = Families.family(of: float)
    let form =
      switch target {
      case .quantized: family?.quantized
      case .dynamic: family?.dynamic
      case .reference: family?.reference
      }
    guard let form else { return nil }
    let watcher = handle.activationPostProcess as? Observer
    let context = ConversionContext(
      qconfig: qconfig, activation: watcher,
      weightFakeQuant: target == .dynamic ? nil : trained?.weightFakeQuant,
      usesPrecomputedFakeQuant: usesPrecomputedFakeQuant, operation: "convert")
    let isWatched = target == .quantized && family?.needsData == true
    guard allowsUnobserved || !isWatched || watcher?.hasObserved != false else {
      throw OctetError(
        .notObserved, operation: "convert", argument: "activation_post_process",
        expected: "an observer that has seen calibration data", received: "one that saw none",
        fix: "run calibration data through the prepared model")
    }
    return try form(float, context)
  }
}
