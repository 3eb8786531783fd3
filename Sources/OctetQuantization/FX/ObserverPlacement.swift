import OctetGraph
import OctetNN
import OctetTensor

/// Puts observers behind the values that quantized steps read and make. torch's `insert_observers_for_model`.
struct ObserverPlacement {
  let module: GraphModule
  /// The observer's step of a value; one is enough, whoever reads it.
  private var observed: [Value: Node] = [:]
  /// Observers placed so far.
  private var count = 0

  init(module: GraphModule) { self.module = module }

  /// Places observers in the graph's order, so that a step finds those of what it reads.
  mutating func run() throws {
    for node in module.graph.nodes where node.isQuantizable(in: module) {
      let kind = node.observation(in: module)
      if !node.joinsSum {
        // What is chosen at run time is chosen for the input; a state goes along.
        let inputs = node.arguments.prefix(node.isDynamic ? 1 : node.arguments.count)
        for argument in inputs.compactMap({ $0 }) where isActivation(argument) {
          let source = observedSource(of: argument)
          if observed[source] == nil, let qconfig = node.qconfig {
            try place(qconfig.activation, behind: source)
          }
        }
      }
      guard let qconfig = node.qconfig, !node.isDynamic, !hasJoinedReader(node) else { continue }
      if kind == .shared && !node.joinsSum {
        try share(node)
      } else {
        try place(qconfig.activation, behind: node.value)
      }
    }
    try module.verify()
  }

  /// Weights and constants aren't observed, and neither are indices.
  private func isActivation(_ value: Value) -> Bool {
    value.node.attributePath == nil && !(value.node.isPlaceholder && value.node.keepsIntegers)
      && value.spec?.dtype != .int64 && value.spec?.dtype != .int32
  }

  private func hasJoinedReader(_ node: Node) -> Bool { node.users.contains { $0.joinsSum } }

  /// The value that an observer's step stands behind.
  private func observedSource(of value: Value) -> Value {
    value.node.observer(in: module) != nil ? value.node.arguments[0] ?? value : value
  }

  private mutating func place(_ factory: ObserverFactory, behind value: Value) throws {
    let path = "activation_post_process_\(count)"
    count += 1
    let observer = factory()
    observer.train(module.isTraining)
    module[module: path] = observer
    insert(path, behind: value)
  }

  private mutating func insert(_ path: String, behind value: Value) {
    let node = module.graph.insert(
      .callModule(path, UnaryCall()), [value], name: path, after: value.node)
    node.specs = value.spec.map { [$0] } ?? []
    module.graph.replaceUses(of: value, with: node.value) { $0 === node }
    observed[value] = node
  }

  /// All inputs and the output are watched by the observer of the first input.
  private mutating func share(_ node: Node) throws {
    let sources = node.arguments.compactMap { $0 }.filter(isActivation).map(observedSource)
    guard let first = sources.first.flatMap({ observed[$0]?.modulePath }) else { return }
    for source in sources.dropFirst() {
      guard let step = observed[source], let other = step.modulePath, other != first else {
        continue
      }
      // Only what this step reads moves: others that share the old observer keep it.
      step.operation = .callModule(first, UnaryCall())
      if !module.graph.nodes.contains(where: { $0.modulePath == other }) {
        module[module: other] = nil
      }
    }
    insert(first, behind: node.value)
  }
}

extension Node {
  /// The observer that this step runs.
  package func observer(in module: GraphModule) -> Observer? {
    module.module(of: self) as? Observer
  }

  /// How the step's output is observed; nil when it stays in float.
  func observation(in module: GraphModule) -> ObservationKind? {
    if let called = module.module(of: self) { return Families.observation(of: called) }
    guard let function = functionName, recordedFunction == nil else { return nil }
    // With a number instead of a second tensor, the input's parameters say the output's.
    if Families.arithmetic.contains(function), arguments.count == 1 { return .shared }
    return Families.observation(of: function)
  }

  /// True when the step has a configuration and a quantized form.
  func isQuantizable(in module: GraphModule) -> Bool {
    guard let qconfig, observer(in: module) == nil else { return false }
    if isDynamic {
      guard let called = module.module(of: self) else { return false }
      // Attention stays real here, as in torch; `quantizeDynamic` takes it when named.
      if called is AttentionModule { return false }
      let isTable = called is Embedding || called is EmbeddingBag
      return isTable == qconfig.isForTables && Families.family(of: called)?.dynamic != nil
    }
    return suffixes.count == 1 && observation(in: module) != nil
  }

  /// True when the step's input is quantized at run time, or its weight alone is quantized.
  var isDynamic: Bool {
    qconfig.map { $0.activation().isDynamic || $0.isForTables } ?? false
  }
}

extension QConfig {
  /// True for weights of rows with real zero points: embedding tables.
  fileprivate var isForTables: Bool { weight().scheme == .perChannelAffineFloatQParams }
}
