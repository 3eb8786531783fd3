import OctetNN
import OctetTensor

/// Gives every module its configuration, top down: a module's own setting beats an entry for its path, which beats one for its
/// type, which beats its parent's. torch.ao.quantization.propagate_qconfig_.
///
/// - Parameters:
///   - model: where to start.
///   - configurations: by dotted path; nil leaves a subtree in float.
///   - types: by exact type; the first entry of a type counts.
public func propagateQConfig(
  _ model: Module, _ configurations: [String: QConfig?] = [:],
  types: [(type: Module.Type, qconfig: QConfig?)] = []
) {
  func visit(_ module: Module, _ path: String, _ inherited: QConfig?) {
    var qconfig = inherited
    if case .set(let own) = module.qconfigSetting {
      qconfig = own
    } else if let entry = configurations[path] {
      qconfig = entry
      module.qconfig = entry
    } else if let entry = types.first(where: { $0.type == type(of: module.current) }) {
      qconfig = entry.qconfig
      module.qconfig = qconfig
    } else if let inherited {
      module.qconfig = inherited
    }
    for (name, child) in module.children {
      visit(child, path.isEmpty ? name : "\(path).\(name)", qconfig)
    }
  }
  visit(model, "", nil)
}

/// Puts an observer behind every module that will be quantized, in place. torch.ao.quantization.prepare.
///
/// Set `model.qconfig` first, then call this on a model in evaluation mode, run calibration data, and call `convert`.
///
/// - Parameters:
///   - model: the model; modules with `qconfig` nil are left alone, with all below them.
///   - configurations: configurations by dotted path.
///   - allowList: the types that are observed; all that can be when nil.
/// - Throws: `invalidConfiguration` when no module has a configuration, or the model was prepared already. No observer is
///   placed then.
public func prepare(
  _ model: Module, _ configurations: [String: QConfig?] = [:], allowList: [Module.Type]? = nil
) throws {
  propagateQConfig(model, configurations)
  var preparation = Preparation(allowed: allowList)
  try preparation.run(model, operation: "prepare")
}

/// What `prepareQAT` trains besides linear layers and convolutions.
public enum TrainingTarget: Sendable {
  /// Nothing: weights of linear layers and convolutions, and activations. torch's default mapping, and one-dimensional
  /// convolutions.
  case activations
  /// The tables of embeddings and bags too. torch's `get_embedding_qat_module_mappings`.
  case embeddings
  /// Linear layers whose activations will be quantized at run time, and nothing else.
  case runTime
}

/// Makes a model train for integers, in place: layers become forms that compute with a rounded weight, and fake quantizers round
/// activations. torch.ao.quantization.prepare_qat.
///
/// Fuse with `fuseModulesQAT` and set `model.qconfig` first, to a configuration for training such as `.defaultQAT`; train; then call
/// `eval()` and `convert`.
///
/// - Parameters:
///   - model: a model in training mode.
///   - configurations: configurations by dotted path.
///   - target: which layers train.
/// - Throws: `invalidConfiguration` when the model is in evaluation mode, no module has a configuration, a configuration isn't
///   for training, or the model was prepared already. Nothing is placed then.
public func prepareQAT(
  _ model: Module, _ configurations: [String: QConfig?] = [:],
  target: TrainingTarget = .activations
) throws {
  guard model.isTraining else {
    throw OctetError(
      .invalidConfiguration, operation: "prepare_qat", argument: "model",
      expected: "a model in training mode", received: "one in evaluation mode",
      fix: "call model.train() first")
  }
  propagateQConfig(model, configurations)
  var preparation = Preparation(training: target)
  try preparation.run(model, operation: "prepare_qat")
}

/// What `prepare` is about to do: nothing is done before all of it fits.
private struct Preparation {
  /// The types that are observed, all when nil.
  var allowed: [Module.Type]?
  /// What trains, nil when the model is only observed.
  var training: TrainingTarget?
  /// Handles that are to be watched, and by what.
  private var places: [(handle: Module, observer: Observer)] = []
  /// New forms and the handles they replace.
  private var swaps: [(handle: Module, successor: Module)] = []

  init(allowed: [Module.Type]? = nil, training: TrainingTarget? = nil) {
    self.allowed = allowed
    self.training = training
  }

  mutating func run(_ model: Module, operation: String) throws {
    guard try visit(model, "") > 0 else {
      throw OctetError(
        .invalidConfiguration, operation: operation, argument: "qconfig",
        expected: "a configuration on the model or a module below it", received: "none",
        fix: "set model.qconfig, for example to .default")
    }
    try install(swaps, in: model)
    for (handle, observer) in places {
      handle.activationPostProcess = observer
      handle.watchesInput = observer.isMemoryless
    }
  }

  /// Looks at a handle and all below it; returns how many modules will be quantized.
  private mutating func visit(_ handle: Module, _ path: String) throws -> Int {
    let module = handle.current
    let family = Families.family(of: module)
    if let qconfig = handle.qconfig, let form = family?.quantizable {
      if isSwapped(handle) { return 0 }
      return try swap(handle, form(module), qconfig, path)
    }
    var count = 0
    if family?.isFused != true, !(module is any TrainingForm) {
      for (name, child) in handle.children {
        count += try visit(child, path.isEmpty ? name : "\(path).\(name)")
      }
    }
    guard let qconfig = handle.qconfig else { return count }
    guard let family else {
      if let observer = fixedObserver(module) { places.append((handle, observer)) }
      return count
    }
    if let allowed, !allowed.contains(where: { $0 == type(of: module) }) { return count }
    guard handle.activationPostProcess == nil else {
      throw OctetError(
        .invalidConfiguration, operation: "prepare", argument: "model",
        expected: "a model without observers", received: "an observer at \(path)",
        fix: "prepare a model once", modulePath: path)
    }
    do {
      try check(module, qconfig)
      try train(handle, family, qconfig)
    } catch let error as OctetError {
      throw error.inside(path)
    }
    // A stub that ends the integers is part of what is quantized, though nobody watches it.
    if family.isObserved {
      let observer = fixedObserver(module) ?? qconfig.activation()
      if !(observer is PlaceholderObserver && observer.isDynamic) {
        places.append((handle, observer))
      }
    }
    return count + 1
  }

  private func isSwapped(_ handle: Module) -> Bool { swaps.contains { $0.handle === handle } }

  /// Takes a module's quantizable form, whose parts follow the module's configuration.
  private mutating func swap(
    _ handle: Module, _ form: Module, _ qconfig: QConfig, _ path: String
  ) throws -> Int {
    form.qconfig = qconfig
    form.train(handle.isTraining)
    propagateQConfig(form)
    swaps.append((handle, form))
    return try visit(form, path) + 1
  }

  /// Takes a module's training form, when the target asks for it and there is one.
  private mutating func train(_ handle: Module, _ family: Family, _ qconfig: QConfig) throws {
    guard let training, type(of: handle.current) == family.float, !isSwapped(handle) else { return }
    let recipe = family.trained.first {
      switch ($0.use, training) {
      case (.activations, .activations), (.activations, .embeddings): true
      case (.embeddings, .embeddings), (.runTime, .runTime): true
      default: false
      }
    }
    if let recipe { swaps.append((handle, try recipe.make(handle.current, qconfig))) }
  }

  /// While training, functions whose results have fixed bounds are rounded by these. torch's default_module_to_act_post_process.
  private func fixedObserver(_ module: Module) -> Observer? {
    guard module.isTraining else { return nil }
    return switch module {
    case is Sigmoid, is Hardsigmoid, is Softmax:
      ObserverFactory.defaultFixedQParamsRange0To1FakeQuant()
    case is Tanh: ObserverFactory.defaultFixedQParamsRangeNeg1To1FakeQuant()
    default: nil
    }
  }

  /// Refuses scales for each index of the first axis of a transposed convolution's weight: that is its input.
  private func check(_ module: Module, _ qconfig: QConfig) throws {
    guard module is TransposedConvolution else { return }
    let observer = qconfig.weight()
    guard observer.scheme?.isPerChannel == true, observer.axis != 1 else { return }
    throw OctetError(
      .invalidConfiguration, operation: "prepare", argument: "qconfig.weight",
      expected: "one scale, or per-channel scales along axis 1 of a transposed convolution",
      received: "per-channel scales along axis \(observer.axis)",
      fix: "give it a qconfig with .defaultWeightObserver")
  }
}
