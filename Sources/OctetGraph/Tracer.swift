import OctetNN
import OctetTensor

/// Which modules become one node of a graph.
public struct LeafPolicy {
  /// True for a module, at its path, that isn't looked into.
  package let isLeaf: (_ module: Module, _ path: String) -> Bool

  /// True when a layer that is looked into, and turns out to be one operator, gives it its path for a name.
  package private(set) var namesAfterLayers = false

  /// A policy of one's own.
  public init(_ isLeaf: @escaping (_ module: Module, _ path: String) -> Bool) {
    self.isLeaf = isLeaf
  }

  /// The same policy with values named after layers.
  package func namingAfterLayers() -> LeafPolicy {
    var copy = self
    copy.namesAfterLayers = true
    return copy
  }

  /// No module: everything is recorded down to operators.
  public static var none: LeafPolicy { LeafPolicy { _, _ in false } }

  /// Octet's own layers, but for what only arranges others: `Sequential`, wrappers, graphs, and whatever gives back its input by
  /// definition. torch.fx.Tracer.is_leaf_module.
  public static var layers: LeafPolicy {
    LeafPolicy { module, _ in
      let name = String(reflecting: type(of: module))
      guard name.hasPrefix("OctetNN.") || name.hasPrefix("OctetQuantization.") else { return false }
      return !(module is Sequential) && !(module is any TracedThrough)
    }
  }
}

/// A module of Octet's own that tracing looks through, such as stubs: it leaves no node of its own.
package protocol TracedThrough: Module {}

/// Records a graph by running a model on example inputs. torch.fx.Tracer, torch.export.
///
/// Tensors stay concrete meanwhile, so shapes may decide what runs; elements may not, and reading them throws. What the run
/// changes, such as running statistics, is put back.
public final class Tracer {
  private let policy: LeafPolicy
  let graph = Graph()
  /// What is known of tensors; holding them keeps their identity.
  private var known: [ObjectIdentifier: (tensor: Tensor, value: Value, dependsOnInputs: Bool)] = [:]
  /// Tensors of the trace by their storage: for those that come back under another identity.
  private var storages: [ObjectIdentifier: [Tensor]] = [:]
  private var paths: [ObjectIdentifier: String] = [:]
  private var stateTensors: [ObjectIdentifier: (path: String, tensor: StateTensor)] = [:]
  private var modules: [(name: String, module: Module)] = []
  private var attributes: [(name: String, tensor: StateTensor)] = []
  private var attributeNodes: [String: Node] = [:]
  private var calls: [String: Int] = [:]
  private var scopes: [ModuleScope] = []
  private var function: RecordedFunction?
  /// The first data-dependent step, in case the code that took it swallowed the error.
  private var refusal: OctetError?

  private init(_ policy: LeafPolicy) { self.policy = policy }

  /// The graph that `model` computes.
  ///
  /// - Parameters:
  ///   - model: what is run; layers that become nodes are shared with the graph module, not copied.
  ///   - inputs: an example of each input.
  ///   - policy: which modules become one node.
  ///   - call: runs the model; nil calls it with the only input.
  /// - Throws: `untraceable` naming the module whose code depends on elements; whatever the model throws.
  public static func trace(
    _ model: Module, _ inputs: [Tensor], policy: LeafPolicy = .layers,
    calling call: (([Tensor]) throws -> Tensor)? = nil
  ) throws -> GraphModule {
    try Tracer(policy).trace(model, inputs, call)
  }

  private func trace(
    _ model: Module, _ inputs: [Tensor], _ call: (([Tensor]) throws -> Tensor)?
  ) throws -> GraphModule {
    guard call != nil || inputs.count == 1 || model is GraphModule else {
      throw OctetError(
        .invalidArgument, operation: "trace", argument: "inputs",
        expected: "one example input, or a closure that calls the model",
        received: "\(inputs.count) inputs")
    }
    let kept = index(model)
    defer { for (tensor, value) in kept where tensor.value !== value { tensor.value = value } }
    scopes = [ModuleScope(path: "", model.current)]
    let examples = inputs.enumerated().map { place, input in
      let example = input.aliased()
      let node = graph.insert(.placeholder(place), name: "input.\(place)")
      note(example, node, 0, dependsOnInputs: true)
      node.specs = [example.spec]
      return example
    }
    var mode = ExecutionMode.current
    mode.recorder = self
    mode.recordsGradients = false
    let result = try ExecutionMode.recording(mode) {
      try collectingErrors {
        if let call { return try call(examples) }
        if let module = model as? GraphModule { return module(examples) }
        return model(examples[0])
      }
    }
    if let refusal { throw refusal }
    graph.insert(.output, [try value(of: result, "output")], name: "output")
    graph.eliminateDeadCode()
    let module = try GraphModule(graph, modules: modules, attributes: attributes)
    module.removeUnused()
    return module.train(model.isTraining)
  }

  /// Notes the paths of modules and state; returns the state as it is.
  private func index(_ model: Module) -> [(tensor: StateTensor, value: Tensor)] {
    var kept: [(tensor: StateTensor, value: Tensor)] = []
    func visit(_ handle: Module, _ path: String) {
      let isNew = paths[ObjectIdentifier(handle)] == nil
      if isNew { paths[ObjectIdentifier(handle)] = path }
      let module = handle.current
      if paths[ObjectIdentifier(module)] == nil { paths[ObjectIdentifier(module)] = path }
      guard isNew else { return }
      for (name, tensor) in module.ownStateTensors() where !tensor.isDropped {
        let full = path.isEmpty ? name : "\(path).\(name)"
        kept.append((tensor, tensor.value))
        let key = ObjectIdentifier(tensor.value)
        if stateTensors[key] == nil { stateTensors[key] = (full, tensor) }
      }
      for (name, child) in handle.children { visit(child, path.isEmpty ? name : "\(path).\(name)") }
    }
    visit(model, "")
    return kept
  }

  // MARK: Values

  private func note(_ tensor: Tensor, _ node: Node, _ index: Int, dependsOnInputs: Bool) {
    known[ObjectIdentifier(tensor)] = (tensor, Value(node, index), dependsOnInputs)
    storages[ObjectIdentifier(tensor.storage), default: []].append(tensor)
  }

  private func dependsOnInputs(_ tensors: [Tensor?]) -> Bool {
    tensors.contains { tensor in
      guard let tensor, let source = try? source(of: tensor, "argument") else { return false }
      return source.dependsOnInputs
    }
  }

  /// What is known of a tensor, also of one that shows the same elements under another identity.
  private func source(of tensor: Tensor, _ operation: String) throws(OctetError) -> (
    tensor: Tensor, value: Value, dependsOnInputs: Bool
  )? {
    if let entry = known[ObjectIdentifier(tensor)] { return entry }
    guard tensor.storage.byteCount > 0,
      let views = storages[ObjectIdentifier(tensor.storage)]
    else { return nil }
    let same = views.last {
      $0.offset == tensor.offset && $0.shape == tensor.shape && $0.strides == tensor.strides
        && $0.dtype == tensor.dtype
    }
    if let same { return known[ObjectIdentifier(same)] }
    throw untraceable(operation, "a view of a traced tensor that no operator has made")
  }

  /// The value that a tensor is in the graph: made by a node, a parameter or buffer of the model, or a constant.
  private func value(of tensor: Tensor, _ operation: String) throws(OctetError) -> Value {
    if let entry = try source(of: tensor, operation) { return entry.value }
    let place = attributes.count
    let (path, holder) =
      stateTensors[ObjectIdentifier(tensor)] ?? ("constant.\(place)", Buffer(tensor))
    if let node = attributeNodes[path] { return node.value }
    let node = graph.insert(.getAttribute(path), name: path)
    node.specs = [tensor.spec]
    attributeNodes[path] = node
    attributes.append((path, holder))
    known[ObjectIdentifier(tensor)] = (tensor, node.value, false)
    return node.value
  }

  private func untraceable(_ operation: String, _ received: String) -> OctetError {
    let scope = scopes.last ?? ModuleScope(path: "", Module())
    let place = scope.path.isEmpty ? "" : " at '\(scope.path)'"
    return OctetError(
      .untraceable, operation: operation, argument: "self",
      expected: "code that doesn't depend on elements of tensors",
      received: "untraceable: data-dependent code in \(scope.typeName)\(place) (\(received))",
      fix: "compute it with operators, or declare the module non-traceable")
  }
}

/// A function that is being recorded, and the nodes it has made so far.
private struct RecordedFunction {
  let name: String
  var nodes: [Node] = []
}

extension Tracer: Recorder {
  package func record(_ op: any Operator, _ inputs: [Tensor], _ result: Tensor) throws(OctetError) {
    var arguments: [Value?] = []
    for input in inputs { arguments.append(try value(of: input, op.name)) }
    let called = function?.name ?? op.functionName(inputs.map(\.spec))
    var name = (scopes.last?.path ?? "") + ":" + called
    if let index = (op as? any IndexingOperator)?.element, let source = arguments[0] {
      name = "\(source.name)[\(index)]"
    }
    let node = graph.insert(.callOperator(op), arguments, name: name, scopes: scopes)
    node.specs = [result.spec]
    node.recordedFunction = function?.name
    function?.nodes.append(node)
    note(result, node, 0, dependsOnInputs: dependsOnInputs(inputs))
  }

  package func record<Result>(
    function name: String, _ body: () throws(OctetError) -> Result
  ) throws(OctetError) -> Result {
    if function != nil { return try body() }
    function = RecordedFunction(name: name)
    defer { function = nil }
    let result = try body()
    // The parts get names of their own first, so that the whole gets the function's.
    let nodes = function?.nodes ?? []
    let base = nodes.first?.name ?? ""
    for node in nodes { graph.rename(node, "\(base)/\(node.op?.name ?? "")") }
    if let tensor = result as? Tensor, let node = known[ObjectIdentifier(tensor)]?.value.node {
      graph.rename(node, base)
    } else if let list = result as? [Tensor] {
      for (index, tensor) in list.enumerated() {
        guard let node = known[ObjectIdentifier(tensor)]?.value.node else { continue }
        graph.rename(node, "\(base)[\(index)]")
      }
    }
    return result
  }

  package func record(
    _ call: any RecordedCall, of module: AnyObject, _ body: () throws -> [Tensor]
  ) throws -> [Tensor] {
    guard let handle = module as? Module else { return try body() }
    let path = path(of: handle)
    if !policy.isLeaf(handle.current, path) {
      if scopes.last?.path == path { return try body() }
      // Attention applies its last projection as a function of its own.
      if policy.namesAfterLayers, handle.current is NonDynamicallyQuantizableLinear {
        return try body()
      }
      scopes.append(ModuleScope(path: path, handle.current))
      defer { scopes.removeLast() }
      guard policy.namesAfterLayers, LeafPolicy.layers.isLeaf(handle.current, path) else {
        return try body()
      }
      let start = graph.nodes.count
      let results = try body()
      let made = graph.nodes[start...].filter { $0.op != nil }
      if made.count == 1 { graph.rename(made[0], callName(path)) }
      return results
    }
    var mode = ExecutionMode.current
    mode.recorder = nil
    var results = try ExecutionMode.$current.withValue(mode) { try body() }
    if results.isEmpty || results.contains(where: \.isPlaceholder) { return results }
    if call.inputs.contains(where: { $0 === results[0] }) { results[0] = results[0].aliased() }
    let arguments = try call.inputs.map { try $0.map { try value(of: $0, path) } }
    if self[module: path] == nil { modules.append((path, handle)) }
    let node = graph.insert(
      .callModule(path, call.detached()), arguments, name: callName(path), scopes: scopes)
    node.suffixes = call.suffixes(results.count)
    node.specs = results.map(\.spec)
    let depends = dependsOnInputs(call.inputs)
    for (index, tensor) in results.enumerated() where known[ObjectIdentifier(tensor)] == nil {
      note(tensor, node, index, dependsOnInputs: depends)
    }
    return results
  }

  /// The name of the next call of a layer: its path, then `path#1`, `path#2`, …
  private func callName(_ path: String) -> String {
    let count = calls[path, default: 0]
    calls[path] = count + 1
    return count == 0 ? path : "\(path)#\(count)"
  }

  private subscript(module path: String) -> Module? {
    modules.first { $0.name == path }?.module
  }

  /// The path of a module in the model; one that the model doesn't hold gets a path here.
  private func path(of module: Module) -> String {
    let key = ObjectIdentifier(module)
    if let path = paths[key] { return path }
    let path = "module.\(paths.count)"
    paths[key] = path
    return path
  }

  package func checkAccess(to tensor: Tensor, _ operation: String) throws(OctetError) {
    guard let source = try source(of: tensor, operation), source.dependsOnInputs else { return }
    let error = untraceable(operation, "the elements of \(source.value.name)")
    if refusal == nil { refusal = error }
    throw error
  }
}
