import OctetTensor

extension Module {
  /// A deep copy: modules, parameters, observers and configurations of its own, in the same mode. What is shared here is shared there.
  /// Hooks are the same functions. Caches, such as packed weights, aren't copied but released. torch's `copy.deepcopy(module)`.
  ///
  /// - Throws: `unsupportedModule` naming a module below that can't be copied: models override `makeCopy`.
  public final func copy() throws -> Self {
    releaseCaches()
    return try ModuleCopier()(self)
  }
}

/// One deep copy under way: gives modules and parameters their copies, the same one each time.
public final class ModuleCopier {
  private var modules: [ObjectIdentifier: Module] = [:]
  private var tensors: [ObjectIdentifier: StateTensor] = [:]
  private var made: Set<ObjectIdentifier> = []
  /// Copies that have no successor and observer yet: these may share parameters with modules that come later.
  private var unfinished: [(module: Module, copy: Module)] = []
  private var depth = 0

  init() {}

  /// The copy of a module and all below it.
  ///
  /// - Throws: `unsupportedModule` when its type or one below doesn't say how to make another, or makes one of another type.
  public func callAsFunction<Copied: Module>(_ module: Copied) throws -> Copied {
    let key = ObjectIdentifier(module)
    if let known = modules[key] as? Copied { return known }
    depth += 1
    defer { depth -= 1 }
    let copy = try module.makeCopy(self)
    guard let typed = copy as? Copied, type(of: copy) == type(of: module), copy !== module else {
      throw mistake(module, received: copy === module ? "itself" : "a \(type(of: copy))")
    }
    modules[key] = copy
    made.insert(ObjectIdentifier(copy))
    try transfer(from: module, to: copy)
    while depth == 1, let next = unfinished.popLast() {
      next.copy.successor = try self(next.module.successor)
      next.copy.activationPostProcess = try self(next.module.activationPostProcess)
    }
    return typed
  }

  /// The copy of a module that may be missing.
  public func callAsFunction<Copied: Module>(_ module: Copied?) throws -> Copied? {
    try module.map { try self($0) }
  }

  /// The copy of a parameter or buffer.
  public func callAsFunction<Copied: StateTensor>(_ tensor: Copied) throws -> Copied {
    let key = ObjectIdentifier(tensor)
    if let known = tensors[key] as? Copied { return known }
    let copy = type(of: tensor).init(
      tensor.isDropped ? Tensor(scalar: Float(0)) : try tensor.value.clone())
    try give(tensor, to: copy)
    tensors[key] = copy
    made.insert(ObjectIdentifier(copy))
    return copy
  }

  /// The copy of a parameter or buffer that may be missing.
  public func callAsFunction<Copied: StateTensor>(_ tensor: Copied?) throws -> Copied? {
    try tensor.map { try self($0) }
  }

  /// What a parameter has besides its values.
  private func give(_ tensor: StateTensor, to copy: StateTensor) throws {
    if let parameter = tensor as? Parameter, let copy = copy as? Parameter {
      copy.requiresGrad = parameter.requiresGrad
    }
    if tensor.isDropped { copy.drop() }
  }

  /// Gives a new module of the same type everything that its initializer didn't.
  private func transfer(from module: Module, to copy: Module) throws {
    try transferState(from: module, to: copy)
    let (children, copies) = (module.ownChildren(), copy.ownChildren())
    guard children.map(\.name) == copies.map(\.name) else {
      throw mistake(module, received: "one with the children \(copies.map(\.name))")
    }
    for ((name, child), (_, other)) in zip(children, copies) {
      if made.contains(ObjectIdentifier(other)) { continue }
      guard other !== child, type(of: other) == type(of: child) else {
        throw mistake(
          module, received: other === child ? "one with the same '\(name)'" : "another '\(name)'")
      }
      modules[ObjectIdentifier(child)] = other
      made.insert(ObjectIdentifier(other))
      try transfer(from: child, to: other)
    }
    copy.label = module.label
    copy.isTraining = module.isTraining
    copy.preHooks = module.preHooks
    copy.postHooks = module.postHooks
    copy.attachments = module.attachments
    copy.watchesInput = module.watchesInput
    unfinished.append((module, copy))
  }

  private func transferState(from module: Module, to copy: Module) throws {
    let (tensors, copies) = (module.ownStateTensors(), copy.ownStateTensors())
    guard tensors.map(\.name) == copies.map(\.name) else {
      throw mistake(module, received: "one with the state \(copies.map(\.name))")
    }
    for ((name, tensor), (_, other)) in zip(tensors, copies) {
      if made.contains(ObjectIdentifier(other)) { continue }
      guard other !== tensor else { throw mistake(module, received: "one with the same '\(name)'") }
      if !tensor.isDropped { other.value = try tensor.value.clone() }
      try give(tensor, to: other)
      self.tensors[ObjectIdentifier(tensor)] = other
      made.insert(ObjectIdentifier(other))
    }
    for (group, other) in zip(module.ownStateGroups(), copy.ownStateGroups()) {
      guard group !== other else { throw mistake(module, received: "one with the same weights") }
      var entries: [String: Tensor] = [:]
      for (name, tensor) in group.entries { entries[name] = try tensor.clone() }
      try other.load(entries, isTrial: false)
    }
  }

  private func mistake(_ module: Module, received: String) -> OctetError {
    OctetError(
      .unsupportedModule, operation: "copy", argument: "makeCopy",
      expected: "a new \(type(of: module)) with the same arguments", received: received,
      fix: "pass what the module holds through the copier", modulePath: module.label)
  }
}
