/// A loss of each element against its target, and its reduction.
struct ElementwiseLoss: DifferentiableOperator {
  static let torchName = "loss"
  static var widensHalf: Bool { true }

  enum Kind: Sendable {
    case squared
    case absolute
    /// Squared below the width, absolute above. Huber's form is the smooth L1 times the width.
    case smooth(width: Float, isHuber: Bool)
    case binaryCrossEntropy
    case divergence(logTarget: Bool)
  }

  let kind: Kind
  let reduction: LossReduction
  let name: String

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32])
    try require(inputs[1], "target", dtypes: [.float32])
    guard inputs[0].shape == inputs[1].shape else {
      throw error(
        .shapeMismatch, "target", expected: "the input's shape \(inputs[0].shape)",
        received: "shape \(inputs[1].shape)")
    }
    if case .smooth(let width, let isHuber) = kind, !(isHuber ? width > 0 : width >= 0) {
      throw error(
        .invalidArgument, isHuber ? "delta" : "beta", expected: "a positive number",
        received: "\(width)")
    }
    return TensorSpec(shape: reduction == .none ? inputs[0].shape : [], dtype: .float32)
  }

  private func value(_ x: Float, _ t: Float) -> Float {
    switch kind {
    case .squared: return (x - t) * (x - t)
    case .absolute: return abs(x - t)
    case .smooth(let width, let isHuber):
      let distance = abs(x - t)
      let scale = isHuber ? width : 1
      return distance < width
        ? 0.5 * distance * distance / width * scale : (distance - 0.5 * width) * scale
    case .binaryCrossEntropy:
      // log(1 + exp(-|x|)) never overflows.
      return max(x, 0) - x * t + RealFunction.logOnePlus(RealFunction.exp(-abs(x)))
    case .divergence(let logTarget):
      if logTarget { return RealFunction.exp(t) * (t - x) }
      return t > 0 ? t * (RealFunction.log(t) - x) : t == 0 ? 0 : .nan
    }
  }

  /// The slopes with respect to the input and the target.
  private func slopes(_ x: Float, _ t: Float) -> (input: Float, target: Float) {
    switch kind {
    case .squared: return (2 * (x - t), -2 * (x - t))
    case .absolute:
      let sign: Float = x > t ? 1 : x < t ? -1 : 0
      return (sign, -sign)
    case .smooth(let width, let isHuber):
      let distance = x - t
      let scale = isHuber ? width : 1
      // Without a width the corner is a corner, with a slope of 0; NaN stays what it is.
      let side: Float = distance > 0 ? 1 : distance < 0 ? -1 : distance
      let slope = (abs(distance) < width ? distance / width : side) * scale
      return (slope, -slope)
    case .binaryCrossEntropy: return (1 / (1 + RealFunction.exp(-x)) - t, -x)
    case .divergence(let logTarget):
      if logTarget { return (-RealFunction.exp(t), RealFunction.exp(t) * (t - x + 1)) }
      return (-t, t > 0 ? RealFunction.log(t) + 1 - x : 0)
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    if reduction == .none { return try inputs[0].combined(inputs[1]) { value($0, $1) } }
    let (x, target) = (try inputs[0].contiguous(), try inputs[1].contiguous())
    var sum = 0.0
    x.withElements(Float.self) { x in
      target.withElements(Float.self) { t in
        for i in 0..<x.count { sum += Double(value(x[i], t[i])) }
      }
    }
    return Tensor(scalar: Float(reduction == .mean ? sum / Double(x.count) : sum))
  }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (x, target) = (context.inputs[0], context.inputs[1])
    var flowing = context.gradient
    if reduction != .none {
      let share = reduction == .mean ? Float(x.count) : 1
      flowing = try apply(ScalarArithmetic(kind: .divide, scalar: share), [flowing])
        .expanded(x.shape)
    }
    return [
      context.needs[0]
        ? try x.combined(target, flowing) { x, t, dy in dy * slopes(x, t).input } : nil,
      context.needs[1]
        ? try x.combined(target, flowing) { x, t, dy in dy * slopes(x, t).target } : nil,
    ]
  }
}

extension Functional {
  /// `(x - t)²`. torch.nn.functional.mse_loss.
  public static func meanSquaredError(
    _ input: Tensor, target: Tensor, reduction: LossReduction = .mean
  ) throws(OctetError) -> Tensor {
    try loss(.squared, input, target, reduction, "mse_loss")
  }

  /// `|x - t|`. torch.nn.functional.l1_loss.
  public static func absoluteError(
    _ input: Tensor, target: Tensor, reduction: LossReduction = .mean
  ) throws(OctetError) -> Tensor {
    try loss(.absolute, input, target, reduction, "l1_loss")
  }

  /// `(x - t)² / (2 * beta)` where `|x - t| < beta`, `|x - t| - beta / 2` elsewhere. torch.nn.functional.smooth_l1_loss.
  public static func smoothAbsoluteError(
    _ input: Tensor, target: Tensor, beta: Double = 1, reduction: LossReduction = .mean
  ) throws(OctetError) -> Tensor {
    try loss(
      .smooth(width: Float(beta), isHuber: false), input, target, reduction, "smooth_l1_loss")
  }

  /// `(x - t)² / 2` where `|x - t| < delta`, `delta * (|x - t| - delta / 2)` elsewhere. torch.nn.functional.huber_loss.
  public static func huberLoss(
    _ input: Tensor, target: Tensor, delta: Double = 1, reduction: LossReduction = .mean
  ) throws(OctetError) -> Tensor {
    try loss(.smooth(width: Float(delta), isHuber: true), input, target, reduction, "huber_loss")
  }

  /// `-(t * log σ(x) + (1 - t) * log(1 - σ(x)))` with the sigmoid σ, without overflow.
  /// torch.nn.functional.binary_cross_entropy_with_logits.
  public static func binaryCrossEntropyWithLogits(
    _ input: Tensor, target: Tensor, reduction: LossReduction = .mean
  ) throws(OctetError) -> Tensor {
    try loss(
      .binaryCrossEntropy, input, target, reduction, "binary_cross_entropy_with_logits")
  }

  /// `t * (log t - x)` for log-probabilities x; with `logTarget` the target holds logarithms too: `exp(t) * (t - x)`.
  /// torch.nn.functional.kl_div; for its `batchmean` sum and divide by the number of rows.
  public static func klDivergence(
    _ input: Tensor, target: Tensor, logTarget: Bool = false, reduction: LossReduction = .mean
  ) throws(OctetError) -> Tensor {
    try loss(.divergence(logTarget: logTarget), input, target, reduction, "kl_div")
  }

  private static func loss(
    _ kind: ElementwiseLoss.Kind, _ input: Tensor, _ target: Tensor, _ reduction: LossReduction,
    _ name: String
  ) throws(OctetError) -> Tensor {
    try apply(ElementwiseLoss(kind: kind, reduction: reduction, name: name), [input, target])
  }
}
