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
