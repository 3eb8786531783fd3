import OctetGraph
import OctetTensor

/// Which observer watches each annotated edge and node: those that share, by name or implicitly, get the same one.
struct ObserverGroups {
  /// What is annotated, in the graph's order.
  private var places: [EdgeOrNode] = []
  private var specs: [EdgeOrNode: any QuantizationSpecBase] = [:]
  /// Where each place's group is looked for; its first one refers to itself.
  private var parents: [EdgeOrNode: EdgeOrNode] = [:]
  private var observers: [EdgeOrNode: Observer] = [:]
  /// Groups whose observer is being made, to notice those that derive from themselves.
  private var pending: Set<EdgeOrNode> = []

  /// Finds groups and makes their observers.
  ///
  /// - Throws: `invalidConfiguration` when an annotation shares with what isn't annotated, or with itself alone.
  init(_ graph: Graph) throws {
    for node in graph.nodes {
      guard let annotation = node.annotation else { continue }
      var seen: Set<Value> = []
      for value in node.arguments.compactMap({ $0 }) where seen.insert(value).inserted {
        if let spec = annotation.inputs[value] { note(.edge(value, node), spec) }
      }
      if let stray = annotation.inputs.keys.first(where: { !seen.contains($0) }) {
        throw Self.mistake(node.name, "inputs that the step reads", stray.name)
      }
      if let output = annotation.output { note(.node(node), output) }
    }
    for place in places { try join(place) }
    for place in places { _ = try makeObserver(of: place) }
  }

  /// The observer of an edge or node; nil for what isn't annotated.
  subscript(place: EdgeOrNode) -> Observer? {
    parents[place] == nil ? nil : observers[root(of: place)]
  }

  private mutating func note(_ place: EdgeOrNode, _ spec: any QuantizationSpecBase) {
    places.append(place)
    specs[place] = spec
    parents[place] = place
  }

  private func root(of place: EdgeOrNode) -> EdgeOrNode {
    var place = place
    while let parent = parents[place], parent != place { place = parent }
    return place
  }

  /// Puts `place`'s group behind the other's.
  private mutating func unite(_ other: EdgeOrNode, _ place: EdgeOrNode) {
    let (target, source) = (root(of: other), root(of: place))
    parents[source] = target
    parents[place] = target
  }

  private mutating func join(_ place: EdgeOrNode) throws {
    guard let spec = specs[place] else { return }
    if case .edge(let value, let node) = place, node.annotation?.allowsImplicitSharing == true {
      let own = try ownSpec(place)
      let others = value.node.users(of: value).filter { $0 != node }.map {
        EdgeOrNode.edge(value, $0)
      }
      // What others read goes first, so that the producer's own observer stays in front.
      for other in others + [.node(value.node)] where parents[other] != nil {
        if try own.quantizesAs(ownSpec(other)) { unite(other, place) }
      }
    }
    if let shared = spec as? SharedQuantizationSpec {
      guard parents[shared.with] != nil else {
        throw Self.mistake(
          name(of: place), "to share with what is annotated", name(of: shared.with))
      }
      unite(shared.with, place)
    }
  }

  /// The specification at the end of a chain of shared ones.
  private func ownSpec(_ place: EdgeOrNode) throws -> any QuantizationSpecBase {
    var place = place
    var passed: Set<EdgeOrNode> = []
    while let shared = specs[place] as? SharedQuantizationSpec {
      guard passed.insert(place).inserted else {
        throw Self.mistake(name(of: place), "a chain that ends in an observer", "a ring")
      }
      place = shared.with
      if specs[place] == nil { break }
    }
    guard let spec = specs[place] else {
      throw Self.mistake(
        "a shared specification", "to share with what is annotated", name(of: place))
    }
    return spec
  }

  private mutating func makeObserver(of place: EdgeOrNode) throws -> Observer {
    let group = root(of: place)
    if let made = observers[group] { return made }
    guard pending.insert(group).inserted else {
      throw Self.mistake(name(of: place), "parameters derived from others", "a ring")
    }
    let observer = try observer(try ownSpec(place), at: place)
    observers[group] = observer
    return observer
  }

  private mutating func observer(_ spec: any QuantizationSpecBase, at place: EdgeOrNode) throws
    -> Observer
  {
    switch spec {
    case let spec as QuantizationSpec: return spec.observer()
    case let spec as FixedQParamsQuantizationSpec: return spec.observer()
    case let spec as DerivedQuantizationSpec:
      var sources: [Observer] = []
      for source in spec.derivedFrom {
        guard parents[source] != nil else {
          throw Self.mistake(name(of: place), "to derive from what is annotated", name(of: source))
        }
        sources.append(try makeObserver(of: source))
      }
      return DerivedObserver(
        from: sources, dtype: spec.dtype, range: spec.range, derive: spec.derive)
    default:
      throw Self.mistake(
        name(of: place), "a specification of the library's own types", "\(type(of: spec))")
    }
  }

  private func name(of place: EdgeOrNode) -> String {
    switch place {
    case .node(let node): node.name
    case .edge(let value, let node): "the way of \(value.name) into \(node.name)"
    }
  }

  private static func mistake(_ argument: String, _ expected: String, _ received: String)
    -> OctetError
  {
    OctetError(
      .invalidConfiguration, operation: "prepare_pt2e", argument: argument, expected: expected,
      received: received, fix: "correct the quantizer's annotations")
  }
}

extension QuantizationSpecBase {
  /// True when values are quantized alike, so that one observer can serve both.
  fileprivate func quantizesAs(_ other: any QuantizationSpecBase) -> Bool {
    switch (self, other) {
    case (let a as QuantizationSpec, let b as QuantizationSpec): a.quantizesAs(b)
    case (let a as FixedQParamsQuantizationSpec, let b as FixedQParamsQuantizationSpec): a == b
    default: false
    }
  }
}
