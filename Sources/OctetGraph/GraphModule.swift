import OctetNN
import OctetTensor

/// A graph with the modules and tensors that it uses: a module that runs step by step. torch.fx.GraphModule.
///
/// It owns what it calls, under the paths of the model that was traced, so `copy()`, state dictionaries, training and modes work as
/// for any module. Values are freed after their last use.
public final class GraphModule: Module {
  /// The steps.
  public let graph: Graph
  private var modules: [(name: String, module: Module)]
  private var attributes: StateTable

  /// A module around a graph.
  ///
  /// - Parameters:
  ///   - modules: what `call_module` nodes call, by path.
  ///   - attributes: what `get_attr` nodes read, by path.
  /// - Throws: `invalidArgument` when the graph isn't sound or names what isn't there.
  package init(
    _ graph: Graph, modules: [(name: String, module: Module)],
    attributes: [(name: String, tensor: StateTensor)] = []
  ) throws {
    self.graph = graph
    self.modules = modules
    self.attributes = StateTable(attributes)
    super.init()
    try verify()
  }

  public override func ownChildren() -> [(name: String, module: Module)] { modules }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try GraphModule(
      graph.copy(), modules: modules.map { ($0.name, try copier($0.module)) },
      attributes: attributes.entries.map { ($0.name, try copier($0.tensor)) })
  }

  public override var details: String { "\(graph)" }

  // MARK: What nodes name

  /// The module at a path; setting nil removes it. Nodes that call the path call the new module.
  package subscript(module path: String) -> Module? {
    get { modules.first { $0.name == path }?.module }
    set {
      let place = modules.firstIndex { $0.name == path }
      switch (place, newValue) {
      case (let place?, let module?): modules[place].module = module
      case (let place?, nil): modules.remove(at: place)
      case (nil, let module?): modules.append((path, module))
      case (nil, nil): break
      }
    }
  }

  /// What runs when a node calls its module.
  package func module(of node: Node) -> Module? {
    node.modulePath.flatMap { self[module: $0]?.current }
  }

  /// The parameter, buffer or constant at a path; setting nil removes it.
  package subscript(attribute path: String) -> StateTensor? {
    get { attributes.entries.first { $0.name == path }?.tensor }
    set {
      var entries = attributes.entries
      let place = entries.firstIndex { $0.name == path }
      switch (place, newValue) {
      case (let place?, let tensor?): entries[place].tensor = tensor
      case (let place?, nil): entries.remove(at: place)
      case (nil, let tensor?): entries.append((path, tensor))
      case (nil, nil): break
      }
      attributes = StateTable(entries)
    }
  }

  /// Lets go of modules and attributes that no node names.
  package func removeUnused() {
    let called = Set(graph.nodes.compactMap(\.modulePath))
    let read = Set(graph.nodes.compactMap(\.attributePath))
    modules.removeAll { !called.contains($0.name) }
    attributes = StateTable(attributes.entries.filter { read.contains($0.name) })
  }

  /// Checks the graph, and that everything it names is there. Passes end with it.
  ///
  /// - Throws: `invalidArgument` naming the first node that is wrong.
  package func verify() throws(OctetError) {
    try graph.verify()
    let paths = Set(modules.map(\.name))
    let names = Set(attributes.entries.map(\.name))
    for node in graph.nodes {
      if let path = node.modulePath, !paths.contains(path) { throw missing(node, "module", path) }
      if let path = node.attributePath, !names.contains(path) {
        throw missing(node, "tensor", path)
      }
    }
  }

  private func missing(_ node: Node, _ what: String, _ path: String) -> OctetError {
    OctetError(
      .invalidArgument, operation: "lint", argument: node.name,
      expected: "a \(what) at '\(path)'", received: "none")
  }

  // MARK: Running

  public override func forward(_ input: Tensor) throws -> Tensor { try sole(run([input])) }

  /// Runs the graph on its inputs, trapping on mistakes unless inside `collectingErrors`.
  public func callAsFunction(_ inputs: [Tensor]) -> Tensor {
    running(GraphModule.self, orElse: Tensor.placeholder) { target in
      guard let recorder = ExecutionMode.recorder else {
        return try target.sole(target.run(inputs))
      }
      return try recorder.record(GraphCall(inputs: inputs), of: self) { try target.run(inputs) }
        .first ?? .placeholder
    }
  }

  /// Runs the graph on its inputs; the first mistake is thrown with the path of the module that it was recorded in. In evaluation mode
  /// nothing is recorded on the tape.
  public func evaluate(_ inputs: [Tensor]) throws -> Tensor {
    try collectingErrors { isTraining ? callAsFunction(inputs) : noGrad { callAsFunction(inputs) } }
  }

  private func sole(_ results: [Tensor]) throws(OctetError) -> Tensor {
    guard results.count == 1 else {
      throw OctetError(
        .invalidArgument, operation: "GraphModule", argument: "output",
        expected: "a graph of one result", received: "\(results.count)",
        fix: "call run, which gives all of them")
    }
    return results[0]
  }

  /// All results of the graph.
  ///
  /// - Parameter observe: sees every value that is made, and may give another in its place.
  package func run(
    _ inputs: [Tensor], observe: ((Node, [Tensor]) throws -> [Tensor])? = nil
  ) throws -> [Tensor] {
    let expected = graph.placeholders.count
    guard inputs.count == expected else {
      throw OctetError(
        .invalidArgument, operation: "GraphModule", argument: "inputs",
        expected: "\(expected) tensors", received: "\(inputs.count)")
    }
    graph.renumber()
    let tensors = Dictionary(
      attributes.entries.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    let callees = Dictionary(
      modules.map { ($0.name, $0.module) }, uniquingKeysWith: { first, _ in first })
    var values = [[Tensor]](repeating: [], count: graph.nodes.count)
    var pending = graph.nodes.map(\.readers.count)
    for node in graph.nodes {
      let arguments = node.arguments.map { argument in
        argument.map { values[$0.node.place][$0.index] }
      }
      for reader in Set(node.arguments.compactMap { $0?.node.place }) {
        pending[reader] -= 1
        if pending[reader] == 0 { values[reader] = [] }
      }
      if node.isOutput { return arguments.compactMap { $0 } }
      do {
        var results = try self.results(node, arguments, inputs, tensors, callees)
        if results.contains(where: \.isPlaceholder) { return [.placeholder] }
        if let observe { results = try observe(node, results) }
        if pending[node.place] > 0 { values[node.place] = results }
      } catch let error as OctetError {
        let scope = node.scopePath
        throw error.modulePath.isEmpty && !scope.isEmpty ? error.inside(scope) : error
      }
    }
    return []
  }

  private func results(
    _ node: Node, _ arguments: [Tensor?], _ inputs: [Tensor], _ tensors: [String: StateTensor],
    _ callees: [String: Module]
  ) throws -> [Tensor] {
    switch node.operation {
    case .placeholder(let index): return [inputs[index]]
    case .getAttribute(let path):
      guard let tensor = tensors[path] else { throw missing(node, "tensor", path) }
      return [tensor.value]
    case .callOperator(let op): return [try apply(op, arguments.compactMap { $0 })]
    case .callModule(let path, let call):
      guard let module = callees[path] else { throw missing(node, "module", path) }
      let results = try call.run(module, arguments)
      let wanted = node.suffixes.count
      guard results.count >= wanted || results.contains(where: \.isPlaceholder) else {
        throw OctetError(
          .unsupportedModule, operation: "call_module", argument: path,
          expected: "\(wanted) results", received: "\(results.count)")
      }
      return results
    case .output: return []
    }
  }
}

/// A call of a graph module with all its inputs.
package struct GraphCall: RecordedCall, @unchecked Sendable {
  package var inputs: [Tensor?]

  package func detached() -> any RecordedCall { GraphCall(inputs: []) }

  package func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor] {
    guard let callee = module as? GraphModule else {
      throw OctetError(
        .unsupportedModule, operation: "call_module", argument: "module",
        expected: "a graph module", received: "\(type(of: module))")
    }
    return [callee(inputs.compactMap { $0 })]
  }
}
