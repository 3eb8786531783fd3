import OctetNN
import OctetTensor

/// Steps in the order they run: placeholders first, one output last. torch.fx.Graph.
///
/// The graph owns its nodes; a node reads only nodes in front of it. `verify` checks that.
public final class Graph {
  /// The nodes in order.
  public private(set) var nodes: [Node] = []
  private var names: Set<String> = []
  /// The nodes in front of this place know their own.
  private var numbered = 0

  /// An empty graph.
  public init() {}

  /// Links go first, so that a chain of any length frees without a call per link.
  deinit {
    for node in nodes { node.arguments = [] }
  }

  // MARK: Looking

  /// The inputs in order.
  public var placeholders: [Node] { nodes.filter(\.isPlaceholder) }

  /// The last node, which reads the graph's results; nil while the graph is being built.
  public var output: Node? { nodes.last { $0.isOutput } }

  /// The node of a name.
  public func node(named name: String) -> Node? { nodes.first { $0.name == name } }

  func renumber() {
    if numbered == nodes.count { return }
    for place in numbered..<nodes.count { nodes[place].place = place }
    numbered = nodes.count
  }

  // MARK: Changing

  /// A new node, at the end or beside another one. A name that is taken gets `.1`, `.2`, …
  @discardableResult
  package func insert(
    _ operation: Node.Operation, _ arguments: [Value?] = [], name: String, before: Node? = nil,
    after: Node? = nil, scopes: [ModuleScope] = []
  ) -> Node {
    let node = Node(operation, arguments, name: free(name), scopes: scopes, in: self)
    names.insert(node.name)
    renumber()
    let place = before.map(\.place) ?? after.map { $0.place + 1 } ?? nodes.count
    nodes.insert(node, at: place)
    numbered = place
    if place == nodes.count - 1 { renumber() }
    for argument in arguments { note(node, argument) }
    return node
  }

  private func free(_ name: String) -> String {
    if !names.contains(name) { return name }
    var repetition = 1
    while names.contains("\(name).\(repetition)") { repetition += 1 }
    return "\(name).\(repetition)"
  }

  /// Gives a node another name; one that is taken gets `.1`, `.2`, …
  package func rename(_ node: Node, _ name: String) {
    names.remove(node.name)
    node.name = free(name)
    names.insert(node.name)
  }

  /// Whoever reads `old` reads `new`, but for the nodes that `except` holds of.
  package func replaceUses(
    of old: Value, with new: Value, except: (Node) -> Bool = { _ in false }
  ) {
    for user in old.node.users where !except(user) { user.replaceInput(old, with: new) }
  }

  /// Removes a node.
  ///
  /// - Throws: `invalidArgument` while other nodes read it.
  package func erase(_ node: Node) throws(OctetError) {
    guard node.readers.isEmpty else {
      throw OctetError(
        .invalidArgument, operation: "erase_node", argument: node.name,
        expected: "a node that nobody reads",
        received: "one read by \(node.users.map(\.name).joined(separator: ", "))",
        fix: "replace its uses first")
    }
    renumber()
    nodes.remove(at: node.place)
    numbered = node.place
    names.remove(node.name)
    node.setArguments([])
  }

  /// Removes operators, modules and attributes that no result depends on; placeholders stay.
  package func eliminateDeadCode() {
    for node in nodes.reversed()
    where node.readers.isEmpty && !node.isOutput && !node.isPlaceholder {
      // Nobody reads it, so that erasing can't be refused.
      try? erase(node)
    }
  }

  func note(_ reader: Node, _ value: Value?) {
    guard let value else { return }
    value.node.readers[
      ObjectIdentifier(reader), default: (UnownedNode(node: reader), 0)
    ].count += 1
  }

  func forget(_ reader: Node, _ value: Value?) {
    guard let value, var entry = value.node.readers[ObjectIdentifier(reader)] else { return }
    entry.count -= 1
    value.node.readers[ObjectIdentifier(reader)] = entry.count == 0 ? nil : entry
  }

  // MARK: Checking

  /// Checks order, ownership and names.
  ///
  /// - Throws: `invalidArgument` naming the first node that is wrong.
  package func verify() throws(OctetError) {
    renumber()
    var seen: Set<String> = []
    var inputs = 0
    for (place, node) in nodes.enumerated() {
      guard seen.insert(node.name).inserted else { throw mistake(node, "a name of its own") }
      if case .placeholder(let index) = node.operation {
        guard index == inputs else { throw mistake(node, "input \(inputs)") }
        inputs += 1
      }
      for argument in node.arguments.compactMap({ $0 }) {
        guard argument.node.graph === self, argument.node.place < place,
          nodes[argument.node.place] === argument.node
        else { throw mistake(node, "arguments in front of it; it reads \(argument.name)") }
        guard argument.index < argument.node.suffixes.count, !argument.node.isOutput else {
          throw mistake(node, "results that exist; it reads \(argument.name)[\(argument.index)]")
        }
        guard argument.node.readers[ObjectIdentifier(node)] != nil else {
          throw mistake(node, "to be among the users of \(argument.name)")
        }
      }
      if node.isOutput, place != nodes.count - 1 { throw mistake(node, "the last place") }
    }
    guard let last = nodes.last, last.isOutput else {
      throw OctetError(
        .invalidArgument, operation: "lint", argument: "graph", expected: "an output at the end",
        received: nodes.last?.name ?? "no nodes")
    }
  }

  private func mistake(_ node: Node, _ expected: String) -> OctetError {
    OctetError(
      .invalidArgument, operation: "lint", argument: node.name, expected: expected,
      received: "\(node)")
  }

  /// The same steps as another graph. Attachments are the same values.
  package func copy() -> Graph {
    let result = Graph()
    var copies: [ObjectIdentifier: Node] = [:]
    for node in nodes {
      let arguments = node.arguments.map { argument in
        argument.flatMap { old in copies[ObjectIdentifier(old.node)].map { Value($0, old.index) } }
      }
      let copy = result.insert(node.operation, arguments, name: node.name, scopes: node.scopes)
      copy.suffixes = node.suffixes
      copy.specs = node.specs
      copy.recordedFunction = node.recordedFunction
      copy.attachments = node.attachments
      copies[ObjectIdentifier(node)] = copy
    }
    return result
  }
}
