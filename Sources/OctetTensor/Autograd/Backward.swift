/// The way back over the tape.
extension Tensor {
  /// Adds the gradient of this tensor with respect to every leaf it was computed from to the leaf's `gradient`.
  /// torch.Tensor.backward.
  ///
  /// Each step runs once, when all gradients of its result are summed; sums are taken in a fixed order, so the same tape
  /// gives the same bits. Chains of any length are fine: nothing recurses.
  ///
  /// - Parameters:
  ///   - gradient: what to start from, of this tensor's shape; 1 for a single element when nil.
  ///   - retainGraph: keeps what the derivatives read, so that `backward` can be called again.
  /// - Throws: `invalidArgument` when this tensor isn't on the tape, was freed by an earlier call, or an operator has no
  ///   derivative; `shapeMismatch` for another shape; `invalidArgument` when a tensor that a derivative reads was
  ///   changed in place.
  public func backward(_ gradient: Tensor? = nil, retainGraph: Bool = false) throws(OctetError) {
    guard let root = gradientNode else {
      throw OctetError(
        .invalidArgument, operation: "backward", argument: "self",
        expected: "a tensor computed from one with requiresGrad",
        received: "a tensor that isn't on the tape",
        fix: "set requiresGrad on the parameters and compute outside noGrad")
    }
    let start = try seed(gradient)
    try Self.withoutRecording { () throws(OctetError) in
      try Self.propagate(from: root, start, retainGraph: retainGraph)
    }
  }

  private func seed(_ gradient: Tensor?) throws(OctetError) -> Tensor {
    if let gradient {
      guard gradient.shape == shape, gradient.dtype == dtype else {
        throw OctetError(
          .shapeMismatch, operation: "backward", argument: "gradient",
          expected: "\(dtype.rawValue) of shape \(shape)",
          received: "\(gradient.dtype.rawValue) of shape \(gradient.shape)")
      }
      return gradient
    }
    guard count == 1 else {
      throw OctetError(
        .shapeMismatch, operation: "backward", argument: "gradient",
        expected: "a gradient of shape \(shape): only a single element starts from 1",
        received: "none", fix: "reduce to a scalar first, e.g. by mean")
    }
    return try Tensor(repeating: Float(1), shape: shape).converted(to: dtype)
  }

  private static func propagate(
    from root: GradientNode, _ start: Tensor, retainGraph: Bool
  ) throws(OctetError) {
    let order = reachable(from: root)
    var pending: [ObjectIdentifier: Tensor] = [ObjectIdentifier(root): start]
    for node in order {
      guard var gradient = pending.removeValue(forKey: ObjectIdentifier(node)) else { continue }
      for hook in node.hooks {
        gradient = try hooked(hook.body, gradient, node.name)
      }
      if node.keepsGradient {
        if let sum = node.gradient {
          node.gradient = try Functional.add(sum, gradient)
        } else {
          node.gradient = gradient.detached()
        }
      }
      if node.isLeaf { continue }
      let results = try run(node, gradient)
      for (input, result) in zip(node.inputs, results) {
        guard let input, let result else { continue }
        let key = ObjectIdentifier(input)
        if let other = pending[key] {
          pending[key] = try Functional.add(other, result)
        } else {
          pending[key] = result
        }
      }
      if !retainGraph { node.release() }
    }
  }

  private static func run(_ node: GradientNode, _ gradient: Tensor) throws(OctetError)
    -> [Tensor?]
  {
    guard let rule = node.rule else {
      throw OctetError(
        .invalidArgument, operation: "backward", argument: node.name,
        expected: "a tape that wasn't walked before",
        received: "one whose saved tensors were freed by an earlier backward",
        fix: "pass retainGraph: true to the earlier call, or compute the loss again")
    }
    guard !node.saved.contains(where: \.hasChanged) else {
      throw OctetError(
        .invalidArgument, operation: "backward", argument: node.name,
        expected: "operands as they were when \(node.name) ran",
        received: "one that was changed in place since",
        fix: "clone the tensor before changing it, or change it after backward")
    }
    return try rule(gradient)
  }

  private static func hooked(
    _ hook: (Tensor) throws -> Tensor?, _ gradient: Tensor, _ name: String
  ) throws(OctetError) -> Tensor {
    do {
      return try hook(gradient) ?? gradient
    } catch {
      throw error as? OctetError
        ?? OctetError(
          .invalidArgument, operation: "backward", argument: "hook of \(name)",
          expected: "a hook that doesn't fail", received: "\(error)")
    }
  }

  /// Every node below `root`, deepest first; nodes of one depth in the order they were found.
  private static func reachable(from root: GradientNode) -> [GradientNode] {
    var found: [(place: Int, node: GradientNode)] = []
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
    var stack = [root]
    while let node = stack.popLast() {
      found.append((found.count, node))
      for case let input? in node.inputs where seen.insert(ObjectIdentifier(input)).inserted {
        stack.append(input)
      }
    }
    found.sort { ($1.node.depth, $0.place) < ($0.node.depth, $1.place) }
    return found.map(\.node)
  }
}
