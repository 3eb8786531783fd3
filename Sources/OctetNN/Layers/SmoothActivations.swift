import OctetTensor

/// `x / (1 + exp(-x))`, on real and on quantized tensors. torch.nn.SiLU.
public final class SiLU: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { SiLU() }

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.silu(input) }
}

/// `x * tanh(log(1 + exp(x)))`, on real and on quantized tensors. torch.nn.Mish.
public final class Mish: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Mish() }

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.mish(input) }
}

/// `log(1 + exp(beta * x)) / beta`, and `x` where `beta * x > threshold`, on real and on quantized tensors. torch.nn.Softplus.
public final class Softplus: Module {
  /// How fast it bends.
  public let beta: Double
  /// Where it becomes a line.
  public let threshold: Double

  /// Creates the layer.
  public init(beta: Double = 1, threshold: Double = 20) {
    self.beta = beta
    self.threshold = threshold
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Softplus(beta: beta, threshold: threshold)
  }

  public override var details: String { "beta: \(beta), threshold: \(threshold)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.softplus(input, beta: beta, threshold: threshold)
  }
}

/// `x > threshold ? x : value`, on real and on quantized tensors. torch.nn.Threshold.
public final class Threshold: Module {
  /// What passes is larger.
  public let threshold: Double
  /// What stands for everything else.
  public let value: Double

  /// Creates the layer.
  public init(_ threshold: Double, _ value: Double) {
    self.threshold = threshold
    self.value = value
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Threshold(threshold, value)
  }

  public override var details: String { "threshold: \(threshold), value: \(value)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.threshold(input, threshold: threshold, value: value)
  }
}

/// `log(1 / (1 + exp(-x)))`. torch.nn.LogSigmoid.
public final class LogSigmoid: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { LogSigmoid() }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.logSigmoid(input)
  }
}

/// `x - log(sum(exp(x)))` along a dimension. torch.nn.LogSoftmax.
public final class LogSoftmax: Module {
  /// The dimension whose exponentials sum to 1; nil: 0 for 0, 1 and 3 dimensions, 1 for others.
  public let dim: Int?

  /// Creates the layer.
  public init(dim: Int? = nil) { self.dim = dim }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { LogSoftmax(dim: dim) }

  public override var details: String { "dim: \(dim.map(String.init) ?? "nil")" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.logSoftmax(input, dim: dim ?? (input.rank <= 1 || input.rank == 3 ? 0 : 1))
  }
}
