import OctetTensor

/// How the names of a model's state and of one that was given compare. torch's `_IncompatibleKeys`.
public struct StateMatch: Sendable, Equatable {
  /// Names of the model that weren't given.
  public let missing: [String]
  /// Given names that the model doesn't have.
  public let unexpected: [String]
}

extension Module {
  /// All tensors by dotted name, parents before children. torch's `state_dict()`.
  public final func stateDictionary() -> StateDictionary {
    var result = StateDictionary()
    for (prefix, module) in statefulModules("") {
      for (name, tensor) in module.ownState() {
        result[prefix + name] = tensor.requiresGrad ? tensor.detached() : tensor
      }
    }
    return result
  }

  /// What runs at and below this module, with observers, and the prefix of its names in state.
  private func statefulModules(_ prefix: String) -> [(prefix: String, module: Module)] {
    var result = [(prefix: prefix, module: current)]
    for (name, child) in children { result += child.statefulModules("\(prefix)\(name).") }
    if let observer = activationPostProcess {
      result += observer.statefulModules("\(prefix)activation_post_process.")
    }
    return result
  }

  /// Replaces all tensors by copies of those in `state`. torch's `load_state_dict`.
  ///
  /// Nothing changes unless everything fits.
  ///
  /// - Parameters:
  ///   - state: tensors by dotted name.
  ///   - strict: refuses names the model doesn't have, and missing ones.
  /// - Returns: the names that differ; none when `strict`.
  /// - Throws: `stateMismatch` naming every missing and unexpected name and every tensor of another shape or type.
  @discardableResult
  public final func load(_ state: StateDictionary, strict: Bool = true) throws -> StateMatch {
    let modules = statefulModules("").map { Loading($0.module, $0.prefix, from: state) }
    let names = modules.flatMap { loading in loading.own.map { loading.prefix + $0.name } }
    let own = Set(names)
    let match = StateMatch(
      missing: names.filter { state[$0] == nil },
      unexpected: state.names.filter { !own.contains($0) })
    let mismatches = modules.flatMap { $0.mismatches() }
    let isComplete = !strict || (match.missing.isEmpty && match.unexpected.isEmpty)
    guard isComplete, mismatches.isEmpty else {
      throw Self.error(strict ? match : nil, mismatches, count: names.count)
    }
    for loading in modules { try loading.take() }
    return match
  }

  private static func error(
    _ match: StateMatch?, _ mismatches: [OctetError], count: Int
  ) -> OctetError {
    let differs = match.map { !$0.missing.isEmpty || !$0.unexpected.isEmpty } ?? false
    if !differs, mismatches.count == 1 { return mismatches[0] }
    func list(_ name: String, _ entries: [String]) -> String? {
      entries.isEmpty ? nil : "\(name) [\(entries.joined(separator: ", "))]"
    }
    let parts = [
      list("missing", match?.missing ?? []), list("unexpected", match?.unexpected ?? []),
      list(
        "mismatched",
        mismatches.map { "\($0.argument): \($0.received) instead of \($0.expected)" }),
    ]
    return OctetError(
      .stateMismatch, operation: "load_state_dict", argument: "state",
      expected: "the model's \(count) names, shapes and types",
      received: parts.compactMap { $0 }.joined(separator: ", "),
      fix: "load the state of the same architecture, prepared or converted the same way")
  }

  /// Lets every module at and below this one forget what it can make of its weights again, such as those packed for this CPU; the next
  /// call makes it. `copy` does this.
  public final func releaseCaches() {
    for (_, module) in statefulModules("") {
      for group in module.ownStateGroups() { group.releaseCache() }
    }
  }
}

/// One module's share of a state that is being loaded.
private struct Loading {
  let module: Module
  let prefix: String
  /// What the module has, without prefix.
  let own: [(name: String, tensor: Tensor)]
  /// What it is given of that.
  let given: [String: Tensor]

  init(_ module: Module, _ prefix: String, from state: StateDictionary) {
    self.module = module
    self.prefix = prefix
    own = module.ownState()
    var given: [String: Tensor] = [:]
    for (name, _) in own { given[name] = state[prefix + name] }
    self.given = given
  }

  /// Everything that the module can't take.
  func mismatches() -> [OctetError] {
    let groups = module.ownStateGroups()
    var found: [OctetError] = []
    for (name, tensor) in own {
      guard let new = given[name] else { continue }
      let hasShape =
        new.shape == tensor.shape || module.acceptsAnyShape(name)
        || groups.contains { $0.acceptsAnyShape(name) }
      let hasType = new.dtype == tensor.dtype || groups.contains { $0.acceptsAnyType(name) }
      if hasShape && hasType { continue }
      found.append(
        OctetError(
          .stateMismatch, operation: "load_state_dict", argument: prefix + name,
          expected: "\(tensor.dtype.rawValue) of shape \(tensor.shape)",
          received: "\(new.dtype.rawValue) of shape \(new.shape)"))
    }
    guard found.isEmpty else { return found }
    do {
      try module.checkOwnState(given)
      for group in groups { try group.load(given, isTrial: true) }
      return []
    } catch let error as OctetError {
      return [prefix.isEmpty ? error : error.inside(String(prefix.dropLast()))]
    } catch {
      return [
        OctetError(
          .stateMismatch, operation: "load_state_dict", argument: prefix,
          expected: "a state of \(type(of: module))", received: "\(error)")
      ]
    }
  }

  /// Takes copies of tensors that have been checked.
  func take() throws {
    var copies: [String: Tensor] = [:]
    for (name, tensor) in given { copies[name] = try tensor.clone() }
    for (name, holder) in module.ownStateTensors() {
      if let tensor = copies[name] { holder.value = tensor }
    }
    for group in module.ownStateGroups() { try group.load(copies, isTrial: false) }
  }
}
