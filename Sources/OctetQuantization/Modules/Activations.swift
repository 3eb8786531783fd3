import OctetNN
import OctetTensor

extension Quantized {
  /// Clips to 0...6 and keeps the input's scale and zero point. torch.ao.nn.quantized.ReLU6.
  public final class ReLU6: Module {
    /// Creates the module.
    public override init() {}

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { ReLU6() }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try requireQuantized(input, "Quantized.ReLU6")
      return try Functional.relu6(input)
    }
  }

  /// `x * min(max(x + 3, 0), 6) / 6`, rounded to the module's scale and zero point. torch.ao.nn.quantized.Hardswish.
  public final class Hardswish: Layer {
    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int) throws { try super.init(output: scale, zeroPoint) }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Hardswish(scale: scale, zeroPoint: zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.hardswish(input, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `x > 0 ? x : negativeSlope * x`, rounded to the module's scale and zero point. torch.ao.nn.quantized.LeakyReLU.
  public final class LeakyReLU: Layer {
    /// The factor of negative values.
    public let negativeSlope: Double

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int, negativeSlope: Double = 0.01) throws {
      self.negativeSlope = negativeSlope
      try super.init(output: scale, zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LeakyReLU(scale: scale, zeroPoint: zeroPoint, negativeSlope: negativeSlope)
    }

    public override var details: String { "negativeSlope: \(negativeSlope), \(outputDetails)" }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.leakyReLU(
        input, negativeSlope: negativeSlope, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `x < 0 ? alpha * (exp(x) - 1) : x`, rounded to the module's scale and zero point. torch.ao.nn.quantized.ELU.
  public final class ELU: Layer {
    /// What very negative values approach, with the sign turned.
    public let alpha: Double

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int, alpha: Double = 1) throws {
      self.alpha = alpha
      try super.init(output: scale, zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try ELU(scale: scale, zeroPoint: zeroPoint, alpha: alpha)
    }

    public override var details: String { "alpha: \(alpha), \(outputDetails)" }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.elu(input, alpha: alpha, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `1 / (1 + exp(-x))`, rounded to the module's scale and zero point. torch.ao.nn.quantized.Sigmoid.
  public final class Sigmoid: Layer {
    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int) throws { try super.init(output: scale, zeroPoint) }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Sigmoid(scale: scale, zeroPoint: zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.sigmoid(input, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `exp(x) / sum(exp(x))` along a dimension, rounded to the module's scale and zero point.
  /// torch.ao.nn.quantized.Softmax.
  public final class Softmax: Layer {
    /// The dimension that sums to 1; nil: 0 for 0, 1 and 3 dimensions, 1 for others.
    public let dim: Int?

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(dim: Int? = nil, scale: Double = 1, zeroPoint: Int = 0) throws {
      self.dim = dim
      try super.init(output: scale, zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Softmax(dim: dim, scale: scale, zeroPoint: zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.softmax(input, dim: dim, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `x >= 0 ? x : weight * x` with a quantized weight, rounded to the module's scale and zero point.
  /// torch.ao.nn.quantized.PReLU.
  public final class PReLU: Layer {
    /// Per tensor, of the input's dtype: `[1]`, or `[C]` for `[N, C, ...]`.
    public let weight: Buffer

    /// - Throws: `quantizationMismatch` for a float weight; `invalidQuantizer` for a scale that isn't positive and finite.
    public init(weight: Tensor, scale: Double, zeroPoint: Int) throws {
      try requireQuantized(weight, "Quantized.PReLU", argument: "weight")
      self.weight = Buffer(weight)
      try super.init(output: scale, zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try PReLU(weight: weight.value, scale: scale, zeroPoint: zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.prelu(input, weight: weight.value, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Gives its input back: what a dropout layer becomes. torch.ao.nn.quantized.Dropout.
  public final class Dropout: Module {
    /// Creates the module.
    public override init() {}

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Dropout() }

    public override func forward(_ input: Tensor) throws -> Tensor { input }
  }
}

// MARK: Conversion

extension Quantized.Hardswish {
  convenience init(_ context: ConversionContext) throws {
    let output = try context.outputParameters()
    try self.init(scale: output.scale, zeroPoint: output.zeroPoint)
  }
}

extension Quantized.LeakyReLU {
  convenience init(_ float: OctetNN.LeakyReLU, _ context: ConversionContext) throws {
    let output = try context.outputParameters()
    try self.init(
      scale: output.scale, zeroPoint: output.zeroPoint, negativeSlope: float.negativeSlope)
  }
}

extension Quantized.ELU {
  convenience init(_ float: OctetNN.ELU, _ context: ConversionContext) throws {
    let output = try context.outputParameters()
    try self.init(scale: output.scale, zeroPoint: output.zeroPoint, alpha: float.alpha)
  }
}

extension Quantized.Sigmoid {
  convenience init(_ context: ConversionContext) throws {
    let output = try context.outputParameters()
    try self.init(scale: output.scale, zeroPoint: output.zeroPoint)
  }
}

extension Quantized.Softmax {
  convenience init(_ float: OctetNN.Softmax, _ context: ConversionContext) throws {
    let output = try context.outputParameters()
    try self.init(dim: float.dim, scale: output.scale, zeroPoint: output.zeroPoint)
  }
}

extension Quantized.PReLU {
  /// The slopes are quantized per tensor to quint8: by the configuration's weight observer where it is for that type, by a min-max
  /// observer otherwise.
  convenience init(_ float: OctetNN.PReLU, _ context: ConversionContext) throws {
    let output = try context.outputParameters()
    let configured = context.qconfig.weight()
    let fits = configured.dtype == .quint8 && configured.scheme?.isPerChannel == false
    let observer = fits ? configured : try MinMaxObserver(dtype: .quint8)
    _ = try observer.evaluate(float.weight.value)
    let quantizer = try observer.calculateParameters().quantizer(for: float.weight.value.shape)
    try self.init(
      weight: Functional.quantize(float.weight.value, quantizer, dtype: .quint8),
      scale: output.scale, zeroPoint: output.zeroPoint)
  }
}

/// Refuses plain tensors.
func requireQuantized(_ tensor: Tensor, _ operation: String, argument: String = "input")
  throws(OctetError)
{
  if tensor.isPlaceholder || tensor.isQuantized { return }
  throw OctetError(
    .quantizationMismatch, operation: operation, argument: argument,
    expected: "a quantized tensor", received: "dtype \(tensor.dtype.rawValue)",
    fix: "quantize it first (in a model: insert a QuantStub before this layer)")
}
