import OctetGraph
import OctetNN
import OctetTensor

/// Convolutions with a batch norm behind them, in graphs of operators.
struct NormFolding {
  let module: GraphModule

  /// The convolutions whose only reader is a batch norm.
  private var pairs: [(convolution: Node, norm: Node, layer: BatchNorm)] {
    module.graph.nodes.compactMap { node in
      guard let function = node.functionName, node.users.count == 1,
        let norm = module.module(of: node.users[0]) as? BatchNorm,
        function.hasPrefix("conv"), Node.weighted.contains(function)
      else { return nil }
      return (node, node.users[0], norm)
    }
  }

  /// Folds running statistics into weights and biases: the convolutions compute what both did in evaluation.
  /// torch's `_fuse_conv_bn_`.
  func fold() throws {
    for (convolution, norm, layer) in pairs {
      let isTransposed = convolution.functionName?.hasPrefix("conv_transpose") == true
      guard let weight = constant(convolution, 1), try !(isTransposed && isGrouped(convolution))
      else { continue }
      let (folded, bias) = try fuseConvBnWeights(
        weight: weight, bias: constant(convolution, 2), BatchNormValues(layer),
        transposed: isTransposed)
      let path = convolution.arguments[1]?.node.attributePath ?? ""
      let input = convolution.arguments[0]
      convolution.setArguments([
        input, insert(Parameter(folded), path, before: convolution),
        insert(Parameter(bias), biasPath(convolution, path), before: convolution),
      ])
      module.graph.replaceUses(of: norm.value, with: convolution.value)
      module.graph.moveAnnotations(from: norm, to: convolution)
      try module.graph.erase(norm)
    }
    finish()
    try module.verify()
  }

  /// Makes one step of each quantized pair, annotated as a whole; `fuse` then says what it runs.
  func pair() throws {
    for (convolution, norm, layer) in pairs {
      guard convolution.isTaken, let op = convolution.op, let path = norm.modulePath,
        let rank = LoweredOperators.convolution(op)?.window.rank, parameter(convolution, 1) != nil,
        QAT.hasForm(rank, layer)
      else { continue }
      convolution.pair = Pair(op: op, norm: layer, normPath: path)
      if let output = norm.annotation?.output { convolution.annotation?.output = output }
      module.graph.replaceUses(of: norm.value, with: convolution.value)
      module.graph.moveAnnotations(from: norm, to: convolution)
      try module.graph.erase(norm)
    }
  }

  /// Puts one training module in each pair's place: its weight is rounded as folding will leave it, by the observer that the weight's way into
  /// the convolution has. torch's `_fuse_conv_bn_qat`.
  func fuse(_ groups: ObserverGroups) throws {
    var made: [String: String] = [:]
    for node in module.graph.nodes {
      guard let pair = node.pair, let weight = node.arguments[1],
        let path = weight.node.attributePath,
        let parameter = parameter(node, 1), let shape = LoweredOperators.convolution(pair.op)
      else { continue }
      let key = "\(path) \(pair.normPath)"
      if made[key] == nil {
        let form = try QAT.form(
          of: shape, weight: parameter, bias: self.parameter(node, 2), pair.norm,
          groups[.edge(weight, node)] ?? IdentityObserver())
        let formPath = unusedModule(node.name)
        made[key] = formPath
        module[module: formPath] = form?.train(module.isTraining)
      }
      node.operation = .callModule(made[key] ?? path, UnaryCall())
      node.setArguments([node.arguments[0]])
    }
    finish()
    try module.verify()
  }

  /// Puts the convolution back in the place of a training module, on the folded weight behind the module's rounding.
  /// torch's `_fold_conv_bn_qat`.
  func unfuse() throws {
    for node in module.graph.nodes {
      guard let op = node.pair?.op, let form = module.module(of: node) as? any TrainingForm,
        let path = node.modulePath, let folded = try form.toFloat() as? Convolution
      else { continue }
      var weight = insert(Parameter(folded.weight.value), "\(path).weight", before: node)
      if !(form.weightFakeQuant is IdentityObserver) {
        let rounding = "\(path).weight_fake_quant"
        module[module: rounding] = form.weightFakeQuant
        weight =
          module.graph.insert(
            .callModule(rounding, UnaryCall()), [weight], name: rounding, before: node
          ).value
      }
      let bias = folded.bias.map {
        insert(Parameter($0.value), "\(path).bias", before: node)
      }
      node.operation = .callOperator(op)
      node.setArguments([node.arguments[0], weight] + (bias.map { [$0] } ?? []))
      node.pair = nil
    }
    finish()
    try module.verify()
  }

  // MARK: Parts

  private func finish() {
    module.graph.eliminateDeadCode()
    module.removeUnused()
  }

  private func isGrouped(_ convolution: Node) throws -> Bool {
    guard let spec = convolution.arguments[1]?.spec, let output = convolution.value.spec else {
      return false
    }
    return spec.rank > 1 && output.rank > 1 && spec.shape[1] != output.shape[1]
  }

  private func parameter(_ node: Node, _ index: Int) -> Parameter? {
    guard index < node.arguments.count, let path = node.arguments[index]?.node.attributePath else {
      return nil
    }
    return module[attribute: path] as? Parameter
  }

  private func constant(_ node: Node, _ index: Int) -> Tensor? {
    guard index < node.arguments.count, let path = node.arguments[index]?.node.attributePath else {
      return nil
    }
    return module[attribute: path]?.value
  }

  private func biasPath(_ convolution: Node, _ weight: String) -> String {
    if convolution.arguments.count > 2, let path = convolution.arguments[2]?.node.attributePath {
      return path
    }
    return weight.hasSuffix("weight") ? weight.dropLast(6) + "bias" : "\(weight)_bias"
  }

  /// A tensor as a node of its own: whoever else reads what stood at the path goes on reading that.
  private func insert(_ tensor: StateTensor, _ path: String, before node: Node) -> Value {
    let isRead = module.graph.nodes.contains { other in
      other.attributePath == path && other.users.contains { $0 != node }
    }
    let free = isRead ? module.unusedAttribute(path) : path
    for old in module.graph.nodes where old.attributePath == free {
      module.graph.rename(old, "\(free)/float")
    }
    module[attribute: free] = tensor
    let made = module.graph.insert(.getAttribute(free), name: free, before: node)
    made.specs = [tensor.value.spec]
    return made.value
  }

  private func unusedModule(_ path: String) -> String {
    if module[module: path] == nil { return path }
    var repetition = 1
    while module[module: "\(path).\(repetition)"] != nil { repetition += 1 }
    return "\(path).\(repetition)"
  }
}

/// A convolution and the batch norm that has become one step with it.
private struct Pair {
  let op: any Operator
  let norm: BatchNorm
  let normPath: String
}

extension Node {
  private enum PairKey {}

  /// What the step was made of, until conversion.
  fileprivate var pair: Pair? {
    get { attachments[ObjectIdentifier(PairKey.self)] as? Pair }
    set { attachments[ObjectIdentifier(PairKey.self)] = newValue }
  }
}

extension QAT {
  /// True when there is a training form of a convolution of this rank and the batch norm.
  fileprivate static func hasForm(_ rank: Int, _ norm: BatchNorm) -> Bool {
    switch (rank, norm) {
    case (1, is BatchNorm1d), (2, is BatchNorm2d), (3, is BatchNorm3d): true
    default: false
    }
  }

  /// The training form of a convolution and the batch norm behind it; nil for a norm of another rank.
  fileprivate static func form(
    of shape: ConvolutionShape, weight: Parameter, bias: Parameter?, _ norm: BatchNorm,
    _ rounding: Observer
  ) throws -> Module? {
    let window = shape.window
    func layer<Layer: OctetNN.Convolution>(_ type: Layer.Type) throws -> Layer {
      try Layer(
        weight: weight, bias: bias, stride: window.stride, padding: window.padding,
        dilation: window.dilation, groups: shape.groups)
    }
    switch (window.rank, norm) {
    case (1, let norm as BatchNorm1d):
      return ConvBn1d(try layer(OctetNN.Conv1d.self), norm.sharing(), rounding: rounding)
    case (2, let norm as BatchNorm2d):
      return ConvBn2d(try layer(OctetNN.Conv2d.self), norm.sharing(), rounding: rounding)
    case (3, let norm as BatchNorm3d):
      return ConvBn3d(try layer(OctetNN.Conv3d.self), norm.sharing(), rounding: rounding)
    default: return nil
    }
  }
}
