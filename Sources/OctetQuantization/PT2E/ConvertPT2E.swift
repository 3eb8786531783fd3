import OctetGraph
import OctetNN
import OctetTensor

/// The graph of a prepared one with roundings in place of observers: pairs of quantize and dequantize on plain integers around operators
/// that compute in float32. torch.ao.quantization.quantize_pt2e.convert_pt2e.
///
/// Weights become integers, and are dequantized where they are read. Every dequantization has one reader, so that a backend finds
/// whole patterns.
///
/// - Parameters:
///   - prepared: what `preparePT2E` or `prepareQATPT2E` has made, after calibration or training; it is changed and given back, in
///     evaluation mode.
///   - usesReferenceRepresentation: says in integer arithmetic what can be said so: `referenceRepresentationRewrite`.
///   - foldQuantize: false keeps float weights, and quantizes them at every run.
///   - allowUnobserved: takes scale 1 and zero point 0 where an observer saw no data, as torch does.
/// - Throws: `notObserved` naming the value whose observer saw no data.
public func convertPT2E(
  _ prepared: GraphModule, usesReferenceRepresentation: Bool = false, foldQuantize: Bool = true,
  allowUnobserved: Bool = false
) throws -> GraphModule {
  let folding = NormFolding(module: prepared)
  try folding.unfuse()
  let rounding = RoundingInsertion(
    module: prepared, folds: foldQuantize, allowsUnobserved: allowUnobserved)
  for node in prepared.graph.nodes { try rounding.replace(node) }
  prepared.graph.eliminateDeadCode()
  try folding.fold()
  if usesReferenceRepresentation { try referenceRepresentationRewrite(prepared) }
  return prepared.eval()
}

/// Puts roundings in the place of observers.
private struct RoundingInsertion {
  let module: GraphModule
  let folds: Bool
  let allowsUnobserved: Bool
  private var graph: Graph { module.graph }

  init(module: GraphModule, folds: Bool, allowsUnobserved: Bool) {
    self.module = module
    self.folds = folds
    self.allowsUnobserved = allowsUnobserved
  }

  /// Replaces a step that runs an observer; leaves others alone.
  func replace(_ node: Node) throws {
    guard let observer = node.observer(in: module), let source = node.arguments[0] else { return }
    guard let range = observer.integerRange, !(observer is IdentityObserver),
      observer.isDynamic || !(observer is PlaceholderObserver)
    else {
      graph.replaceUses(of: node.value, with: source)
      return try graph.erase(node)
    }
    let rounding =
      observer.isDynamic
      ? try runTimeRounding(source, observer, range, before: node)
      : try knownRounding(source, observer, range, before: node)
    let users = node.users
    for (index, user) in users.enumerated() {
      let way = graph.insert(
        .callOperator(rounding.dequantize), [rounding.integers] + rounding.parameters,
        name: "\(source.name)/dequantize", before: node, scopes: source.node.scopes)
      way.specs = source.spec.map { [$0] } ?? []
      user.replaceInput(node.value, with: way.value)
      if observer.isDynamic, index == 0 {
        // One is enough where parameters are chosen at run time.
        for other in users.dropFirst() { other.replaceInput(node.value, with: way.value) }
        break
      }
    }
    try graph.erase(node)
  }

  /// Integers, and what brings them back.
  private struct Rounding {
    let integers: Value
    /// Inputs of the way back besides the integers.
    var parameters: [Value] = []
    let dequantize: any Operator
  }

  /// Parameters that follow from the tensor itself.
  private func runTimeRounding(
    _ source: Value, _ observer: Observer, _ range: ClosedRange<Int>, before node: Node
  ) throws -> Rounding {
    let dtype = observer.dtype.storageDType
    let choice = graph.insert(
      .callOperator(
        ParameterChoice(
          range: range, isSymmetric: observer.scheme?.isSymmetric == true,
          eps: observer.smallestScale, dtype: dtype)), [source],
      name: "\(source.name)/choose_qparams", before: node, scopes: source.node.scopes)
    let parameters = (0..<2).map { index in
      graph.insert(
        .callOperator(LoweredOperators.element(index)), [choice.value],
        name: "\(choice.name)[\(index)]", before: node, scopes: source.node.scopes
      ).value
    }
    let integers = graph.insert(
      .callOperator(
        try LoweredOperators.quantizeDecomposed(axis: nil, range: range, dtype: dtype)),
      [source] + parameters, name: "\(source.name)/quantize", before: node,
      scopes: source.node.scopes)
    return Rounding(
      integers: integers.value, parameters: parameters,
      dequantize: try LoweredOperators.dequantizeDecomposed(axis: nil, range: range, dtype: dtype))
  }

  /// Parameters that the observer has calculated.
  private func knownRounding(
    _ source: Value, _ observer: Observer, _ range: ClosedRange<Int>, before node: Node
  ) throws -> Rounding {
    let constant = try constant(source)
    if !observer.hasObserved, let constant { try observer.observe(constant) }
    guard allowsUnobserved || observer.hasObserved else {
      throw OctetError(
        .notObserved, operation: "convert_pt2e", argument: source.name,
        expected: "an observer that has seen calibration data", received: "one that saw none",
        fix: "run calibration data through the prepared model")
    }
    let parameters = try observer.calculateParameters()
    let dtype = parameters.dtype.storageDType
    let quantize: any Operator
    let dequantize: any Operator
    var inputs: [Value] = []
    if let axis = parameters.axis {
      let scales = try Tensor(parameters.scales, shape: [parameters.scales.count])
      let zeros =
        switch parameters.zeroPoints {
        case .integer(let zeros): try Tensor(zeros.map(Int64.init), shape: [zeros.count])
        case .real(let zeros): try Tensor(zeros, shape: [zeros.count])
        }
      inputs = [
        insert(scales, "\(source.name)_scale", before: node),
        insert(zeros, "\(source.name)_zero_point", before: node),
      ]
      quantize = try LoweredOperators.quantizeDecomposed(axis: axis, range: range, dtype: dtype)
      dequantize = try LoweredOperators.dequantizeDecomposed(axis: axis, range: range, dtype: dtype)
    } else {
      let scale = Double(parameters.scales.first ?? 1)
      var zero = 0
      if case .integer(let zeros) = parameters.zeroPoints { zero = zeros.first ?? 0 }
      quantize = try LoweredOperators.quantizeDecomposed(
        scale: scale, zeroPoint: zero, range: range, dtype: dtype)
      dequantize = try LoweredOperators.dequantizeDecomposed(
        scale: scale, zeroPoint: zero, range: range, dtype: dtype)
    }
    if folds, let constant {
      let tensors =
        [constant]
        + inputs.compactMap { $0.node.attributePath }
        .compactMap { module[attribute: $0]?.value }
      let integers = insert(
        try apply(quantize, tensors), "\(source.name)_quantized", before: node)
      return Rounding(integers: integers, parameters: inputs, dequantize: dequantize)
    }
    let integers = graph.insert(
      .callOperator(quantize), [source] + inputs, name: "\(source.name)/quantize", before: node,
      scopes: source.node.scopes)
    return Rounding(integers: integers.value, parameters: inputs, dequantize: dequantize)
  }

  /// What a value is when it doesn't depend on the inputs: a parameter, or operators on parameters.
  private func constant(_ value: Value) throws -> Tensor? {
    if let path = value.node.attributePath { return module[attribute: path]?.value.detached() }
    guard let op = value.node.op else { return nil }
    var inputs: [Tensor] = []
    for argument in value.node.arguments.compactMap({ $0 }) {
      guard let input = try constant(argument) else { return nil }
      inputs.append(input)
    }
    return inputs.isEmpty ? nil : try apply(op, inputs)
  }

  private func insert(_ tensor: Tensor, _ name: String, before node: Node) -> Value {
    let path = module.unusedAttribute(name)
    module[attribute: path] = Buffer(tensor)
    let made = graph.insert(.getAttribute(path), name: path, before: node)
    made.specs = [tensor.spec]
    return made.value
  }
}

extension Observer {
  /// The smallest scale that is chosen.
  fileprivate var smallestScale: Float {
    switch self {
    case let placeholder as PlaceholderObserver: placeholder.eps
    case let ranged as RangeObserver: ranged.settings.eps
    case let rounding as FakeQuantize: rounding.observer.smallestScale
    default: RangeSettings.defaultEps
    }
  }
}

/// Scale and zero point of a tensor by the observers' rules, as float64 `[2]`. torch.ops.quantized_decomposed.choose_qparams and
/// choose_qparams_symmetric.
struct ParameterChoice: Operator {
  static let torchName = "quantized_decomposed.choose_qparams"

  let range: ClosedRange<Int>
  let isSymmetric: Bool
  let eps: Float
  let dtype: DType

  var name: String { Self.torchName + (isSymmetric ? "_symmetric" : "") }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32, .float16, .bfloat16])
    return TensorSpec(shape: [2], dtype: .float64)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let choose =
      isSymmetric ? Functional.chooseQParamsSymmetric : Functional.chooseQParams
    let (scale, zero) = try choose(inputs[0], range.lowerBound, range.upperBound, eps, dtype)
    return try Tensor([scale, Double(zero)], shape: [2])
  }
}
