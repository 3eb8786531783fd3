import OctetNN
import OctetTensor

/// One module of those in whose `forward` a node was recorded.
public struct ModuleScope: Equatable, Sendable {
  /// The module's dotted path in the traced model, empty for the model itself.
  public let path: String
  /// The module's type.
  public let type: ObjectIdentifier
  /// The type's name with its namespace.
  public let typeName: String

  /// The scope of a module at a path.
  package init(path: String, _ module: Module) {
    self.path = path
    type = ObjectIdentifier(Swift.type(of: module))
    typeName = String(reflecting: Swift.type(of: module))
  }
}

/// One result of a node: what arguments refer to. Most nodes have one.
public struct Value: Hashable {
  /// What makes the value.
  public let node: Node
  /// Its place among the node's results.
  public let index: Int

  /// A result of a node.
  public init(_ node: Node, _ index: Int = 0) {
    self.node = node
    self.index = index
  }

  /// The name of the value: the node's, with `[i]` for one of several.
  public var name: String { node.name + (index < node.suffixes.count ? node.suffixes[index] : "") }

  /// Shape, element type and quantizer in the run that was recorded; nil for values that passes have made.
  package var spec: TensorSpec? { index < node.specs.count ? node.specs[index] : nil }

  /// True for the same result of the same node.
  public static func == (a: Value, b: Value) -> Bool { a.node === b.node && a.index == b.index }

  /// Hashes the node's identity and the place.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(node))
    hasher.combine(index)
  }
}

/// One step of a graph.
public final class Node {
  /// What a node does.
  package enum Operation {
    /// An input of the graph, by its place.
    case placeholder(Int)
    /// A parameter, buffer or constant of the graph module, by its path.
    case getAttribute(String)
    /// An operator on the arguments, in its order.
    case callOperator(any Operator)
    /// A module of the graph module, by its path, called as it was when it was recorded.
    case callModule(String, any RecordedCall)
    /// The graph's results: the arguments.
    case output
  }

  /// What the node does.
  package var operation: Operation
  /// What it reads; nil for optional arguments that were left out.
  public internal(set) var arguments: [Value?]
  /// What its value is called, unique in the graph: `block1:add`, `tower#1`, `input.0`.
  public internal(set) var name: String
  /// What follows the name in the names of its results.
  package var suffixes: [String] = [""]
  /// The modules in whose `forward` the node was recorded, outermost first.
  public let scopes: [ModuleScope]
  /// What is known of the results from the recorded run.
  package var specs: [TensorSpec] = []
  /// The function whose part the node's operator is, when it is made of several.
  package var recordedFunction: String?
  /// What passes attach, by their own keys.
  package var attachments: [ObjectIdentifier: Any] = [:]

  package internal(set) unowned var graph: Graph
  /// The place in the graph; right while the graph's numbering is.
  var place = 0
  /// How often each node reads this one.
  var readers: [ObjectIdentifier: (node: UnownedNode, count: Int)] = [:]

  init(
    _ operation: Operation, _ arguments: [Value?], name: String, scopes: [ModuleScope],
    in graph: Graph
  ) {
    self.operation = operation
    self.arguments = arguments
    self.name = name
    self.scopes = scopes
    self.graph = graph
  }

  /// The value of a node with one result.
  public var value: Value { Value(self) }

  /// The operator of an operator's node.
  package var op: (any Operator)? { if case .callOperator(let op) = operation { op } else { nil } }

  /// The path of a module's node.
  public var modulePath: String? {
    if case .callModule(let path, _) = operation { path } else { nil }
  }

  /// The path of a parameter's, buffer's or constant's node.
  public var attributePath: String? {
    if case .getAttribute(let path) = operation { path } else { nil }
  }

  package var isOutput: Bool { if case .output = operation { true } else { false } }

  package var isPlaceholder: Bool { if case .placeholder = operation { true } else { false } }

  /// What torch calls the function of an operator's node: `conv2d`, `add`; nil for other nodes.
  public var functionName: String? {
    recordedFunction ?? op?.functionName(arguments.compactMap { $0?.spec })
  }

  /// The path of the module in whose `forward` the node was recorded.
  public var scopePath: String { scopes.last?.path ?? "" }

  /// The nodes that read this one, in the graph's order, each once.
  public var users: [Node] {
    graph.renumber()
    return readers.values.map(\.node.node).sorted { $0.place < $1.place }
  }

  /// The nodes that read one of the results.
  package func users(of value: Value) -> [Node] {
    users.filter { $0.arguments.contains(value) }
  }

  /// Reads `value` as argument `index`.
  package func setArgument(_ index: Int, _ value: Value?) {
    graph.forget(self, arguments[index])
    arguments[index] = value
    graph.note(self, value)
  }

  /// Reads other values.
  package func setArguments(_ values: [Value?]) {
    for old in arguments { graph.forget(self, old) }
    arguments = values
    for new in values { graph.note(self, new) }
  }

  /// Reads `new` wherever it reads `old`.
  package func replaceInput(_ old: Value, with new: Value) {
    for index in arguments.indices where arguments[index] == old { setArgument(index, new) }
  }
}

extension Node: Hashable {
  /// True for the same node.
  public static func == (a: Node, b: Node) -> Bool { a === b }

  /// Hashes the node's identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A reference that doesn't keep its node.
struct UnownedNode {
  unowned let node: Node
}
