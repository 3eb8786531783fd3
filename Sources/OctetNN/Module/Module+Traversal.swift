import OctetTensor

extension Module {
  /// This module and all below it, depth first, as dotted path and what runs there now. A module reachable twice is listed
  /// at each of its paths. torch's `named_modules()`.
  public final func namedModules(_ prefix: String = "") -> [(path: String, module: Module)] {
    var result = [(path: prefix, module: current)]
    for (name, child) in children {
      result += child.namedModules(prefix.isEmpty ? name : "\(prefix).\(name)")
    }
    return result
  }

  /// The handle at a dotted path, nil when there is none. torch's `get_submodule`.
  public final func submodule(_ path: String) -> Module? {
    if path.isEmpty { return self }
    for (name, child) in children {
      if path == name { return child }
      if path.hasPrefix(name + ".") {
        let rest = String(path.dropFirst(name.count + 1))
        if let found = child.submodule(rest) { return found }
      }
    }
    return nil
  }

  /// Every handle at or below this one once, children before parents. torch's `apply`.
  public final func applyToAll(_ body: (Module) throws -> Void) rethrows {
    var seen: Set<ObjectIdentifier> = []
    try visitAll(&seen, body)
  }

  private func visitAll(_ seen: inout Set<ObjectIdentifier>, _ body: (Module) throws -> Void)
    rethrows
  {
    guard seen.insert(ObjectIdentifier(self)).inserted else { return }
    for (_, child) in children { try child.visitAll(&seen, body) }
    try body(self)
  }
}

extension Module {
  /// The trained tensors of what runs at and below this module by dotted name, each once. torch's `named_parameters()`.
  public final func namedParameters() -> [(name: String, parameter: Parameter)] {
    var seen: Set<ObjectIdentifier> = []
    return namedModules().flatMap { path, module in
      module.ownStateTensors().compactMap { name, tensor in
        guard let parameter = tensor as? Parameter, !parameter.isDropped,
          seen.insert(ObjectIdentifier(parameter)).inserted
        else { return nil }
        return (path.isEmpty ? name : "\(path).\(name)", parameter)
      }
    }
  }

  /// The trained tensors at and below this module, each once. torch's `parameters()`.
  public final var parameters: [Parameter] { namedParameters().map(\.parameter) }

  /// Forgets the gradients of all parameters. torch's `zero_grad()`.
  public final func zeroGradients() {
    for parameter in parameters { parameter.gradient = nil }
  }
}

extension Module {
  /// All tensors by dotted name, parents before children. torch's `state_dict()`.
  public final func stateDictionary() -> StateDictionary {
    var result = StateDictionary()
    collectState("", into: &result)
    return result
  }

  private func collectState(_ prefix: String, into result: inout StateDictionary) {
    for (name, tensor) in current.ownState() {
      result[prefix + name] = tensor.requiresGrad ? tensor.detached() : tensor
    }
    for (name, child) in children { child.collectState("\(prefix)\(name).", into: &result) }
    if let observer = activationPostProcess {
      observer.collectState("\(prefix)activation_post_process.", into: &result)
    }
  }

  /// Replaces all tensors by those of `state`. torch's `load_state_dict`.
  ///
  /// Nothing changes unless everything fits.
  ///
  /// - Parameters:
  ///   - state: tensors by dotted name.
  ///   - strict: refuses names the model doesn't have, and missing ones.
  /// - Throws: `stateMismatch` naming every missing and unexpected name, or the first tensor of another shape or type.
  public final func load(_ state: StateDictionary, strict: Bool = true) throws {
    let own = stateDictionary()
    let missing = own.names.filter { state[$0] == nil }
    let unexpected = state.names.filter { own[$0] == nil }
    if strict && !(missing.isEmpty && unexpected.isEmpty) {
      throw OctetError(
        .stateMismatch, operation: "load_state_dict", argument: "state",
        expected: "the model's \(own.entries.count) names",
        received: "missing [\(missing.joined(separator: ", "))], "
          + "unexpected [\(unexpected.joined(separator: ", "))]",
        fix: "load the state of the same architecture, prepared or converted the same way")
    }
    try checkState(state, "")
    try assignState(state, "")
  }

  private func checkState(_ state: StateDictionary, _ prefix: String) throws {
    for (name, tensor) in current.ownState() {
      guard let given = state[prefix + name] else { continue }
      guard given.dtype == tensor.dtype,
        given.shape == tensor.shape || current.acceptsAnyShape(name)
      else {
        throw OctetError(
          .stateMismatch, operation: "load_state_dict", argument: prefix + name,
          expected: "\(tensor.dtype.rawValue) of shape \(tensor.shape)",
          received: "\(given.dtype.rawValue) of shape \(given.shape)")
      }
    }
    for (name, child) in children { try child.checkState(state, "\(prefix)\(name).") }
    try activationPostProcess?.checkState(state, "\(prefix)activation_post_process.")
  }

  private func assignState(_ state: StateDictionary, _ prefix: String) throws {
    var own: [String: Tensor] = [:]
    for (name, _) in current.ownState() { own[name] = state[prefix + name] }
    try current.loadOwnState(own)
    for (name, child) in children { try child.assignState(state, "\(prefix)\(name).") }
    try activationPostProcess?.assignState(state, "\(prefix)activation_post_process.")
  }
}
