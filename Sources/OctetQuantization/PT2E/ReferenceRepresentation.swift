import OctetGraph
import OctetTensor

/// Says in integer arithmetic what a converted graph says by dequantizing, computing and quantizing.
/// torch.ao.quantization.pt2e.representation.reference_representation_rewrite.
///
/// Linear layers with a bias, on weights of one scale, and sums become arithmetic on integers that cuts off where torch's does; every other
/// rounding of int8 is spelled out, around operators that compute in float32 as before. Layers without bias, weights with a scale for
/// each channel, convolutions and pools are among those. Results differ from the graph's by up to two steps.
///
/// - Parameter model: what `convertPT2E` has made; it is changed and given back.
/// - Throws: `invalidArgument` when the graph isn't sound.
@discardableResult
public func referenceRepresentationRewrite(_ model: GraphModule) throws -> GraphModule {
  for node in model.graph.nodes {
    switch node.functionName {
    case "linear": rewriteLinear(node)
    case "add": rewriteSum(node)
    default: break
    }
  }
  model.graph.eliminateDeadCode()
  for node in model.graph.nodes {
    if let form = node.rounding, form.dtype == .int8 {
      node.operation = .callOperator(ReferenceRounding(form: form))
    }
  }
  model.removeUnused()
  try model.verify()
  return model
}

private func rewriteLinear(_ node: Node) {
  guard node.arguments.count == 3, let input = node.arguments[0]?.node, let x = input.rounding,
    let weight = node.arguments[1]?.node, let w = weight.rounding, let bias = node.arguments[2],
    x.returnsTensor, w.returnsTensor, w.scale != nil
  else { return }
  let values = [input.arguments[0], weight.arguments[0], bias]
  if x.scale == nil {
    replace(
      node, ReferenceLinear(input: x, weight: w, output: nil),
      values + input.arguments.dropFirst())
  } else if let end = node.soleRounding {
    replace(
      end.node, ReferenceLinear(input: x, weight: w, output: end.form), values)
  }
}

private func rewriteSum(_ node: Node) {
  let relu = node.users.count == 1 && node.users[0].functionName == "relu" ? node.users[0] : nil
  guard node.arguments.count == 2, let first = node.arguments[0]?.node, let x = first.rounding,
    let second = node.arguments[1]?.node, let y = second.rounding, x.returnsTensor,
    y.returnsTensor, let end = (relu ?? node).soleRounding, x.scale != nil, y.scale != nil,
    x.bounds == end.form.bounds, y.bounds == end.form.bounds
  else { return }
  replace(
    end.node, ReferenceAdd(first: x, second: y, output: end.form, relu: relu != nil),
    [first.arguments[0], second.arguments[0]])
}

/// Lets a step compute something else; what it computed from goes away with those that nobody reads.
private func replace(_ node: Node, _ op: any Operator, _ inputs: [Value?]) {
  node.operation = .callOperator(op)
  node.recordedFunction = nil
  node.setArguments(inputs)
}

extension Node {
  /// What the step rounds, or brings back; nil for other steps.
  fileprivate var rounding: DecomposedForm? { op.flatMap(LoweredOperators.decomposed) }

  /// The rounding to int8, with parameters that are known, that alone reads the step.
  fileprivate var soleRounding: (node: Node, form: DecomposedForm)? {
    guard users.count == 1, let form = users[0].rounding, form.quantizes, form.dtype == .int8,
      form.scale != nil
    else { return nil }
    return (users[0], form)
  }
}

extension DecomposedForm {
  /// True for the way back from int8 of one scale.
  fileprivate var returnsTensor: Bool { !quantizes && dtype == .int8 && axis == nil }
}
