import OctetTensor

/// `max(x, 0)`, on real and on quantized tensors. torch.nn.ReLU.
public final class ReLU: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { ReLU() }

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.relu(input) }
}

/// `min(max(x, 0), 6)`, on real and on quantized tensors. torch.nn.ReLU6.
public final class ReLU6: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { ReLU6() }

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.relu6(input) }
}

/// `min(max(x, low), high)`, on real and on quantized tensors. torch.nn.Hardtanh.
public final class Hardtanh: Module {
  private let low: Double
  private let high: Double

  /// A layer for an interval.
  public init(min low: Double = -1, max high: Double = 1) {
    self.low = low
    self.high = high
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Hardtanh(min: low, max: high)
  }

  public override var details: String { "min: \(low), max: \(high)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.hardtanh(input, min: low, max: high)
  }
}

/// `x > 0 ? x : negativeSlope * x`, on real and on quantized tensors. torch.nn.LeakyReLU.
public final class LeakyReLU: Module {
  /// The factor of negative values.
  public let negativeSlope: Double

  /// Creates the layer.
  public init(negativeSlope: Double = 0.01) { self.negativeSlope = negativeSlope }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    LeakyReLU(negativeSlope: negativeSlope)
  }

  public override var details: String { "negativeSlope: \(negativeSlope)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.leakyReLU(input, negativeSlope: negativeSlope)
  }
}

/// `x < 0 ? alpha * (exp(x) - 1) : x`, on real and on quantized tensors. torch.nn.ELU.
public final class ELU: Module {
  /// What very negative values approach, with the sign turned.
  public let alpha: Double

  /// Creates the layer.
  public init(alpha: Double = 1) { self.alpha = alpha }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { ELU(alpha: alpha) }

  public override var details: String { "alpha: \(alpha)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.elu(input, alpha: alpha)
  }
}

/// `x < 0 ? alpha * (exp(x / alpha) - 1) : x`, on real and on quantized tensors. torch.nn.CELU.
public final class CELU: Module {
  /// What very negative values approach, with the sign turned; not 0.
  public let alpha: Double

  /// Creates the layer.
  public init(alpha: Double = 1) { self.alpha = alpha }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { CELU(alpha: alpha) }

  public override var details: String { "alpha: \(alpha)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.celu(input, alpha: alpha)
  }
}

/// `x * min(max(x + 3, 0), 6) / 6`, on real and on quantized tensors. torch.nn.Hardswish.
public final class Hardswish: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Hardswish() }

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.hardswish(input) }
}

/// `min(max(x + 3, 0), 6) / 6`, on real tensors and on quantized ones, whose results have a fixed scale and zero point.
/// torch.nn.Hardsigmoid.
public final class Hardsigmoid: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Hardsigmoid() }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.hardsigmoid(input)
  }
}

/// `1 / (1 + exp(-x))`, on real tensors and on quantized ones, whose results have a fixed scale and zero point.
/// torch.nn.Sigmoid.
public final class Sigmoid: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Sigmoid() }

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.sigmoid(input) }
}

/// The hyperbolic tangent of real tensors and of quantized ones, whose results have a fixed scale and zero point.
/// torch.nn.Tanh.
public final class Tanh: Module {
  /// Creates the layer.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Tanh() }

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.tanh(input) }
}

/// `x * Φ(x)` with the normal distribution's integral, on real and on quantized tensors. torch.nn.GELU.
public final class GELU: Module {
  private let approximate: GELUApproximation

  /// A layer that takes the integral by the error function, or by an approximation.
  public init(approximate: GELUApproximation = .none) { self.approximate = approximate }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    GELU(approximate: approximate)
  }

  public override var details: String { "approximate: \(approximate.rawValue)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.gelu(input, approximate: approximate)
  }
}

/// `exp(x) / sum(exp(x))` along a dimension. torch.nn.Softmax.
public final class Softmax: Module {
  /// The dimension that sums to 1; nil: 0 for 0, 1 and 3 dimensions, 1 for others.
  public let dim: Int?

  /// Creates the layer.
  public init(dim: Int? = nil) { self.dim = dim }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Softmax(dim: dim) }

  public override var details: String { "dim: \(dim.map(String.init) ?? "nil")" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.softmax(input, dim: dim)
  }
}

/// `x >= 0 ? x : weight * x` with a slope that is learnt: one, or one for each channel of `[N, C, ...]`. torch.nn.PReLU.
public final class PReLU: Module {
  /// `[1]` or `[C]`.
  public let weight: Parameter

  /// A layer with slopes of `initial`.
  public init(parameters: Int = 1, initial: Float = 0.25) {
    let count = positive(parameters, "parameters", "PReLU")
    let slopes = [Float](repeating: initial, count: count)
    weight = Parameter(eager { try Tensor(slopes, shape: [count]) })
  }

  private init(weight: Parameter) { self.weight = weight }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    PReLU(weight: try copier(weight))
  }

  public override var details: String { "parameters: \(weight.value.count)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.prelu(input, weight: weight.value)
  }
}
