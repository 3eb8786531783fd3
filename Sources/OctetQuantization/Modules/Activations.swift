import OctetNN
import OctetTensor

/// The scale and zero point of a module's results, checked as far as they can be without an input's type.
struct OutputParameters {
  private(set) var scale: Double
  private(set) var zeroPoint: Int

  /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
  init(scale: Double, zeroPoint: Int, operation: String) throws {
    _ = try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: .qint32, operation: operation)
    self.scale = scale
    self.zeroPoint = zeroPoint
  }

  /// Both under torch's names.
  var entries: [(name: String, tensor: Tensor)] {
    [
      ("scale", Tensor(scalar: Float(scale))),
      ("zero_point", Tensor(scalar: Int64(zeroPoint))),
    ]
  }

  /// What a state dictionary holds, checked before it is taken.
  mutating func load(_ state: [String: Tensor], operation: String) throws {
    let loaded = try outputParameters(state, default: (scale, zeroPoint))
    self = try OutputParameters(
      scale: loaded.scale, zeroPoint: loaded.zeroPoint, operation: operation)
  }
}

extension Quantized {
  /// A function of one quantized tensor whose results have a scale and zero point of the module's own.
  public class Activation: Module {
    private(set) var output: OutputParameters

    /// The real value of one step of the output.
    public var scale: Double { output.scale }
    /// The integer that stands for 0 in the output.
    public var zeroPoint: Int { output.zeroPoint }

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    init(output scale: Double, _ zeroPoint: Int) throws {
      output = try OutputParameters(
        scale: scale, zeroPoint: zeroPoint, operation: "Quantized.\(Self.self)")
    }

    public override func ownState() -> [(name: String, tensor: Tensor)] { output.entries }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      try output.load(state, operation: "Quantized.\(Self.self)")
    }
  }

  /// Clips to 0...6 and keeps the input's scale and zero point. torch.ao.nn.quantized.ReLU6.
  public final class ReLU6: Module {
    /// Creates the module.
    public override init() {}

    public override func forward(_ input: Tensor) throws -> Tensor {
      try requireQuantized(input, "Quantized.ReLU6")
      return try Functional.relu6(input)
    }
  }

  /// `x * min(max(x + 3, 0), 6) / 6`, rounded to the module's scale and zero point. torch.ao.nn.quantized.Hardswish.
  public final class Hardswish: Activation {
    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int) throws { try super.init(output: scale, zeroPoint) }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.hardswish(input, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `x > 0 ? x : negativeSlope * x`, rounded to the module's scale and zero point. torch.ao.nn.quantized.LeakyReLU.
  public final class LeakyReLU: Activation {
    /// The factor of negative values.
    public let negativeSlope: Double

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int, negativeSlope: Double = 0.01) throws {
      self.negativeSlope = negativeSlope
      try super.init(output: scale, zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.leakyReLU(
        input, negativeSlope: negativeSlope, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `x < 0 ? alpha * (exp(x) - 1) : x`, rounded to the module's scale and zero point. torch.ao.nn.quantized.ELU.
  public final class ELU: Activation {
    /// What very negative values approach, with the sign turned.
    public let alpha: Double

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int, alpha: Double = 1) throws {
      self.alpha = alpha
      try super.init(output: scale, zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.elu(input, alpha: alpha, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `1 / (1 + exp(-x))`, rounded to the module's scale and zero point. torch.ao.nn.quantized.Sigmoid.
  public final class Sigmoid: Activation {
    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double, zeroPoint: Int) throws { try super.init(output: scale, zeroPoint) }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.sigmoid(input, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `exp(x) / sum(exp(x))` along a dimension, rounded to the module's scale and zero point.
  /// torch.ao.nn.quantized.Softmax.
  public final class Softmax: Activation {
    /// The dimension that sums to 1; nil: 0 for 0, 1 and 3 dimensions, 1 for others.
    public let dim: Int?

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(dim: Int? = nil, scale: Double = 1, zeroPoint: Int = 0) throws {
      self.dim = dim
      try super.init(output: scale, zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.softmax(input, dim: dim, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `x >= 0 ? x : weight * x` with a quantized weight, rounded to the module's scale and zero point.
  /// torch.ao.nn.quantized.PReLU.
  public final class PReLU: Activation {
    /// Per tensor, of the input's dtype: `[1]`, or `[C]` for `[N, C, ...]`.
    public private(set) var weight: Tensor

    /// - Throws: `quantizationMismatch` for a float weight; `invalidQuantizer` for a scale that isn't positive and finite.
    public init(weight: Tensor, scale: Double, zeroPoint: Int) throws {
      try requireQuantized(weight, "Quantized.PReLU", argument: "weight")
      self.weight = weight
      try super.init(output: scale, zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.prelu(input, weight: weight, scale: scale, zeroPoint: zeroPoint)
    }

    public override func ownState() -> [(name: String, tensor: Tensor)] {
      [("weight", weight)] + super.ownState()
    }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      let loaded = state["weight"] ?? weight
      try requireQuantized(loaded, "Quantized.PReLU", argument: "weight")
      try super.loadOwnState(state)
      weight = loaded
    }
  }

  /// Gives its input back: what a dropout layer becomes. torch.ao.nn.quantized.Dropout.
  public final class Dropout: Module {
    /// Creates the module.
    public override init() {}

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
