/// A tensor's place on the tape.
extension Tensor {
  /// True when operators on this tensor are recorded, so that `backward` reaches it. Setting it makes the tensor a leaf,
  /// or takes it off the tape. torch.Tensor.requires_grad.
  public var requiresGrad: Bool {
    get { gradientNode != nil }
    set {
      guard newValue != requiresGrad else { return }
      precondition(
        !newValue || dtype.isFloatingPoint,
        "requiresGrad needs a float tensor; this one has dtype \(dtype.rawValue)")
      gradientNode = newValue ? GradientNode() : nil
    }
  }

  /// True for tensors that no recorded operator has made. torch.Tensor.is_leaf.
  public var isLeaf: Bool { gradientNode?.isLeaf ?? true }

  /// What `backward` has summed up for this tensor; nil before, and for results that `retainGradient` wasn't called on.
  /// torch.Tensor.grad.
  public var gradient: Tensor? {
    get { gradientNode?.gradient }
    set { gradientNode?.gradient = newValue }
  }

  /// Keeps the gradient of a result as a leaf's is kept. torch.Tensor.retain_grad.
  public func retainGradient() { gradientNode?.keepsGradient = true }

  /// The same elements off the tape. torch.Tensor.detach.
  public func detached() -> Tensor {
    Tensor(
      storage: storage, offset: offset, shape: shape, strides: strides, dtype: dtype,
      quantizer: quantizer, isPlaceholder: isPlaceholder)
  }

  /// Calls `body` with this tensor's whole gradient during `backward`; what it returns replaces the gradient.
  /// torch.Tensor.register_hook.
  ///
  /// - Returns: a handle that removes the hook; nil when the tensor isn't on the tape.
  @discardableResult
  public func addGradientHook(_ body: @escaping (Tensor) throws -> Tensor?) -> GradientHook? {
    guard let node = gradientNode else { return nil }
    node.nextHook += 1
    node.hooks.append((node.nextHook, body))
    return GradientHook(node: node, id: node.nextHook)
  }
}

/// A registered gradient hook.
public struct GradientHook {
  let node: GradientNode
  let id: Int

  /// Stops calling the hook.
  public func remove() { node.hooks.removeAll { $0.id == id } }
}

/// Runs `body` without recording on the tape. torch.no_grad.
public func noGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
  try recordingGradients(false, body)
}

/// Runs `body` with recording switched back on inside `noGrad`. torch.enable_grad.
public func enableGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
  try recordingGradients(true, body)
}

private func recordingGradients<Result>(_ on: Bool, _ body: () throws -> Result) rethrows
  -> Result
{
  var mode = ExecutionMode.current
  mode.recordsGradients = on
  return try ExecutionMode.$current.withValue(mode) { try body() }
}
