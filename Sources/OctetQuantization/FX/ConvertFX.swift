import OctetGraph
import OctetNN
import OctetTensor

/// The integer graph of a prepared one: observers become roundings, layers and functions between them their integer forms.
/// torch.ao.quantization.convert_fx.
///
/// - Parameters:
///   - prepared: what `prepareFX` or `prepareQATFX` has made, after calibration or training. Layers that stay in float are shared,
///     and go to evaluation mode with the result.
///   - mapping: leaves steps in float that have none here; nil leaves all as they were prepared.
///   - allowUnobserved: takes scale 1 and zero point 0 where an observer saw no data, as torch does.
/// - Throws: `invalidConfiguration` when the mapping has another configuration than the one a step was prepared with; `notObserved`
///   naming the value whose observer saw no data; whatever conversion of a layer throws, with its path.
public func convertFX(
  _ prepared: GraphModule, mapping: QConfigMapping? = nil, allowUnobserved: Bool = false
) throws -> GraphModule {
  var conversion = try GraphConversion(prepared, allowsUnobserved: allowUnobserved)
  if let mapping { try conversion.restrict(to: mapping) }
  return try conversion.run()
}

/// Builds the converted graph step by step: a value has a float form, an integer form, or both.
private struct GraphConversion {
  private let prepared: GraphModule
  private let result: GraphModule
  private var graph: Graph { result.graph }
  /// The integer forms of values, by the value of the prepared graph without observers.
  private var integers: [Value: Value] = [:]
  private let allowsUnobserved: Bool

  init(_ prepared: GraphModule, allowsUnobserved: Bool) throws {
    self.prepared = prepared
    self.allowsUnobserved = allowsUnobserved
    result = try GraphModule(
      prepared.graph.copy(),
      modules: prepared.children.map { ($0.name, $0.module) },
      attributes: prepared.graph.nodes.compactMap { node in
        guard let path = node.attributePath, let tensor = prepared[attribute: path] else {
          return nil
        }
        return (path, tensor)
      })
  }

  /// Leaves steps in float that the mapping has no configuration for.
  func restrict(to mapping: QConfigMapping) throws {
    var wanted: [String: QConfig?] = [:]
    for (node, _, qconfig) in configurations(mapping, in: prepared) { wanted[node.name] = qconfig }
    for node in graph.nodes {
      guard let qconfig = wanted[node.name], prepared.module(of: node) as? Observer == nil else {
        continue
      }
      if let qconfig, node.qconfig == nil || node.fusedPaths.isEmpty && qconfig != node.qconfig {
        throw OctetError(
          .invalidConfiguration, operation: "convert_fx", argument: "qconfig_mapping",
          expected: "the configuration that the step was prepared with, or none",
          received: "another one for \(node.name)",
          fix: "prepare the model with this mapping, or only turn steps off")
      }
      if qconfig == nil { node.qconfig = nil }
    }
  }

  mutating func run() throws -> GraphModule {
    for node in graph.placeholders where node.keepsIntegers { integers[node.value] = node.value }
    for node in graph.nodes {
      if node.observer(in: prepared) != nil {
        try dissolve(node)
      } else if node.isQuantizable(in: prepared) {
        if node.isDynamic {
          try lowerDynamic(node)
        } else if readsIntegers(node) {
          try lower(node)
        }
      }
    }
    for (value, whole) in integers { try closeFloatUses(of: value, whole) }
    graph.eliminateDeadCode()
    result.removeUnused()
    try result.verify()
    return result.eval()
  }

  /// Parameters of the observer behind a value, if there is one.
  private func observer(behind node: Node) -> Observer? {
    node.users.lazy.compactMap { $0.observer(in: prepared) }.first
  }

  /// True when everything that the step computes with is rounded by an observer, and its output too.
  private func readsIntegers(_ node: Node) -> Bool {
    let activations = node.arguments.compactMap { $0 }
    let hasInputs = activations.allSatisfy { integers[$0] != nil }
    if let relu = joinedReader(of: node) { return hasInputs && observer(behind: relu) != nil }
    return !activations.isEmpty && hasInputs && observer(behind: node) != nil
  }

  private func joinedReader(of node: Node) -> Node? { node.users.first { $0.joinsSum } }

  /// Takes an observer's step away: readers of it read the value; unless that has an integer form, it gets one.
  private mutating func dissolve(_ node: Node) throws {
    guard let value = node.arguments[0], let observer = node.observer(in: prepared) else { return }
    guard allowsUnobserved || observer.isDynamic || observer.hasObserved else {
      throw OctetError(
        .notObserved, operation: "convert_fx", argument: value.name,
        expected: "an observer that has seen calibration data", received: "one that saw none",
        fix: "run calibration data through the prepared model")
    }
    if integers[value] == nil, let whole = try quantize(value, observer, after: node) {
      integers[value] = whole
    }
    graph.replaceUses(of: node.value, with: value)
    try graph.erase(node)
  }

  private func quantize(_ value: Value, _ observer: Observer, after node: Node) throws -> Value? {
    guard observer.dtype.isQuantized, !observer.isDynamic else { return nil }
    let (scale, zeroPoint) = try ConversionContext(
      qconfig: .default, activation: observer, operation: "convert_fx"
    ).outputParameters()
    let op = try LoweredOperators.quantize(
      scale: scale, zeroPoint: zeroPoint, dtype: observer.dtype)
    return graph.insert(
      .callOperator(op), [value], name: "\(value.name)/quantize", after: node,
      scopes: value.node.scopes
    ).value
  }

  /// Puts the integer form in a step's place. Its result is an integer value.
  private mutating func lower(_ node: Node) throws {
    if let called = prepared.module(of: node), let path = node.modulePath {
      // A module that is called again runs with the parameters of its last call, as in torch.
      if let form = try form(of: called, node) {
        result[module: path] = form
      }
    } else if let function = node.functionName, Families.arithmetic.contains(function),
      node.arguments.count == 2
    {
      try lowerArithmetic(node, function)
      return
    } else if let op = node.op.flatMap(LoweredOperators.quantizedScalar),
      let function = node.functionName
    {
      node.operation = .callOperator(op)
      node.recordedFunction = "quantized.\(function)"
    } else if node.joinsSum {
      return
    }
    for argument in node.arguments.compactMap({ $0 }) {
      if let whole = integers[argument] { node.replaceInput(argument, with: whole) }
    }
    integers[node.value] = node.value
  }

  /// Puts the form that quantizes its input at run time in a module's place; its values stay float.
  private func lowerDynamic(_ node: Node) throws {
    guard let called = prepared.module(of: node), let path = node.modulePath,
      let qconfig = node.qconfig
    else { return }
    let float = try (called as? any TrainingForm)?.toFloat() ?? called
    guard let make = Families.family(of: float)?.dynamic else { return }
    let context = ConversionContext(qconfig: qconfig, activation: nil, operation: "convert_fx")
    do {
      result[module: path] = try make(float, context)
    } catch let error as OctetError {
      throw error.modulePath.isEmpty ? error.inside(path) : error
    }
  }

  private func form(of called: Module, _ node: Node) throws -> Module? {
    let trained = called as? any TrainingForm
    let float = try trained?.toFloat() ?? called
    guard let qconfig = node.qconfig, let make = Families.family(of: float)?.quantized,
      Families.observation(of: float) == .own
    else { return nil }
    let context = ConversionContext(
      qconfig: qconfig, activation: observer(behind: node),
      weightFakeQuant: trained?.weightFakeQuant, operation: "convert_fx")
    do {
      return try make(float, context)
    } catch let error as OctetError {
      throw error.modulePath.isEmpty ? error.inside(node.modulePath ?? "") : error
    }
  }

  /// A sum or product, with the relu that joins it, as one operator.
  private mutating func lowerArithmetic(_ node: Node, _ function: String) throws {
    let relu = joinedReader(of: node)
    let last = relu ?? node
    guard let observer = observer(behind: last) else { return }
    let (scale, zeroPoint) = try ConversionContext(
      qconfig: .default, activation: observer, operation: "convert_fx"
    ).outputParameters()
    guard
      let op = LoweredOperators.quantizedArithmetic(
        function, scale: scale, zeroPoint: zeroPoint, relu: relu != nil)
    else { return }
    node.operation = .callOperator(op)
    node.recordedFunction = "quantized.\(function)\(relu == nil ? "" : "_relu")"
    for argument in node.arguments.compactMap({ $0 }) {
      if let whole = integers[argument] { node.replaceInput(argument, with: whole) }
    }
    if let relu {
      graph.replaceUses(of: relu.value, with: node.value)
      relu.joinsSum = false
      relu.qconfig = nil
    }
    integers[node.value] = node.value
  }

  /// Whoever still reads an integer value as a float one reads it dequantized.
  private func closeFloatUses(of value: Value, _ whole: Value) throws {
    guard value == whole else { return }
    let readers = value.node.users(of: value).filter { !takesIntegers($0) }
    if readers.isEmpty { return }
    let node = graph.insert(
      .callOperator(LoweredOperators.dequantize()), [value], name: "\(value.name)/dequantize",
      after: value.node, scopes: value.node.scopes)
    for reader in readers { reader.replaceInput(value, with: node.value) }
  }

  private func takesIntegers(_ node: Node) -> Bool {
    node.isOutput ? node.keepsIntegers : integers[node.value] == node.value
  }
}
