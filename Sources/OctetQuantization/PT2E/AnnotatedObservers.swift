import OctetGraph
import OctetNN

/// Puts observers where annotations want them. torch.ao.quantization.pt2e.prepare.
struct AnnotatedObservers {
  let module: GraphModule
  let groups: ObserverGroups
  private var paths: [ObjectIdentifier: String] = [:]

  init(module: GraphModule, groups: ObserverGroups) {
    self.module = module
    self.groups = groups
  }

  /// Places observers in the graph's order; annotations have done their work then.
  mutating func run() throws {
    for node in module.graph.nodes where node.annotation != nil {
      for (index, argument) in node.arguments.enumerated() {
        guard let argument else { continue }
        observe(argument, into: node, at: index)
      }
      guard let observer = groups[.node(node)] else { continue }
      let step = insert(observer, behind: node.value)
      module.graph.replaceUses(of: node.value, with: step.value) { $0 === step }
    }
    for node in module.graph.nodes { node.annotation = nil }
    try module.verify()
  }

  /// What an edge reads goes through its observer, unless it already comes out of it.
  private mutating func observe(_ argument: Value, into node: Node, at index: Int) {
    var source = argument
    while let observed = source.node.observer(in: module).flatMap({ _ in source.node.arguments[0] })
    {
      source = observed
    }
    guard let observer = groups[.edge(source, node)], observer !== groups[.node(source.node)] else {
      return
    }
    let known = argument.node.users.first { $0.observer(in: module) === observer }
    node.setArgument(index, (known ?? insert(observer, behind: argument)).value)
  }

  /// A step that runs the observer on a value.
  private mutating func insert(_ observer: Observer, behind value: Value) -> Node {
    let key = ObjectIdentifier(observer)
    let path = paths[key] ?? "activation_post_process_\(paths.count)"
    if paths[key] == nil {
      paths[key] = path
      module[module: path] = observer.train(module.isTraining)
    }
    let node = module.graph.insert(
      .callModule(path, UnaryCall()), [value], name: path, after: value.node,
      scopes: value.node.scopes)
    node.specs = value.spec.map { [$0] } ?? []
    return node
  }
}
