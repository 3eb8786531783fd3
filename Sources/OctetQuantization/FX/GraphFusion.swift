import OctetGraph
import OctetNN
import OctetTensor

/// Puts one module in place of sequences that fuse: the first step of a sequence calls it, under its own name.
struct GraphFusion {
  let module: GraphModule
  let operation: String
  /// True when batch norms stay, to train on.
  let forTraining: Bool
  /// What the paths named before anything fused.
  private var originals: [String: Module] = [:]
  /// Fused modules by the path of their first part.
  private var fused: [String: Module] = [:]

  init(module: GraphModule, operation: String, forTraining: Bool) {
    self.module = module
    self.operation = operation
    self.forTraining = forTraining
  }

  /// Fuses every sequence of the table, longer ones first.
  mutating func run() throws {
    for node in module.graph.nodes {
      if let path = node.modulePath { originals[path] = module.module(of: node) }
    }
    let patterns = Families.fusions.sorted { $0.types.count > $1.types.count }
    for node in module.graph.nodes where node.modulePath != nil {
      for pattern in patterns {
        guard let chain = chain(from: node, pattern), isEverywhere(chain, pattern),
          try fuse(chain, pattern)
        else { continue }
        break
      }
    }
    try joinSums()
    module.removeUnused()
    try module.verify()
  }

  /// The steps that run a pattern's types one after the other, each read by the next alone.
  private func chain(from first: Node, _ pattern: FusionPattern) -> [Node]? {
    var chain: [Node] = []
    var next: Node? = first
    for type in pattern.types {
      guard let node = next, runs(node, type) else { return nil }
      chain.append(node)
      next = node.users.count == 1 && node.suffixes.count == 1 ? node.users[0] : nil
    }
    return chain
  }

  /// True when every call of the first module starts the same sequence: all of them get the fused one.
  private func isEverywhere(_ chain: [Node], _ pattern: FusionPattern) -> Bool {
    let path = chain[0].modulePath
    if let path, fused[path] != nil { return true }
    return module.graph.nodes.allSatisfy { node in
      node.modulePath != path
        || self.chain(from: node, pattern)?.map(\.modulePath) == chain.map(\.modulePath)
    }
  }

  private func runs(_ node: Node, _ type: Module.Type) -> Bool {
    if let called = node.modulePath.flatMap({ originals[$0] }) {
      return Swift.type(of: called) == type
    }
    return type == ReLU.self && node.functionName == "relu"
  }

  private mutating func fuse(_ chain: [Node], _ pattern: FusionPattern) throws -> Bool {
    guard let first = chain.first, let last = chain.last, let path = first.modulePath else {
      return false
    }
    let parts = chain.map { $0.modulePath.flatMap { originals[$0] } ?? ReLU() }
    if forTraining, pattern.fuseForTraining == nil { return false }
    if !forTraining,
      let training = zip(chain, parts).first(where: { $1.isTraining && $1 is BatchNorm })
    {
      throw OctetError(
        .unsupportedModule, operation: operation, argument: training.0.name,
        expected: "a model in evaluation mode (eval)", received: "a module in training mode",
        fix: "call model.eval() first", modulePath: training.0.name)
    }
    let made =
      try self.fused[path]
      ?? (forTraining ? pattern.fuseForTraining?(parts) : pattern.fuse(parts))
    guard let made else { return false }
    self.fused[path] = made
    if Families.family(of: made)?.isFused == true { try checkConfigurations(chain) }
    made.train(module.isTraining)
    module[module: path] = made
    first.fusedPaths = chain.compactMap(\.modulePath)
    module.graph.replaceUses(of: last.value, with: first.value)
    for node in chain.dropFirst().reversed() { try module.graph.erase(node) }
    return true
  }

  private func checkConfigurations(_ chain: [Node]) throws {
    guard let first = chain.first, chain.contains(where: { $0.typeQConfig != first.typeQConfig })
    else { return }
    throw OctetError(
      .invalidConfiguration, operation: operation, argument: "qconfig_mapping",
      expected: "one configuration for all types that fuse",
      received: "different ones for \(chain.map(\.name).joined(separator: ", "))",
      fix: "set the same object type configuration for each of them", modulePath: first.name)
  }

  /// A sum or product that only a relu reads becomes one step with it, which is observed at the relu.
  private func joinSums() throws {
    for node in module.graph.nodes {
      guard let function = node.functionName, Families.arithmetic.contains(function),
        node.arguments.count == 2, node.users.count == 1, node.users[0].functionName == "relu"
      else { continue }
      node.users[0].joinsSum = true
    }
  }
}

/// What the passes of the workflow remember of a step.
extension Node {
  private enum ConfigurationKey {}
  private enum TypeKey {}
  private enum JoinKey {}
  private enum FusedKey {}

  /// The paths of the modules that fused into the one this step calls, in the order they ran.
  package var fusedPaths: [String] {
    get { attachments[ObjectIdentifier(FusedKey.self)] as? [String] ?? [] }
    set { attachments[ObjectIdentifier(FusedKey.self)] = newValue }
  }

  /// The step's configuration.
  var qconfig: QConfig? {
    get { attachments[ObjectIdentifier(ConfigurationKey.self)] as? QConfig }
    set { attachments[ObjectIdentifier(ConfigurationKey.self)] = newValue }
  }

  /// The configuration that the mapping has for the step's type.
  var typeQConfig: QConfig? {
    get { attachments[ObjectIdentifier(TypeKey.self)] as? QConfig }
    set { attachments[ObjectIdentifier(TypeKey.self)] = newValue }
  }

  /// True for a relu that is one step with the sum or product in front of it.
  var joinsSum: Bool {
    get { attachments[ObjectIdentifier(JoinKey.self)] as? Bool ?? false }
    set { attachments[ObjectIdentifier(JoinKey.self)] = newValue }
  }
}
