import OctetNN
import OctetTensor

extension Fused {
  /// `relu(linear(x))` in float32. torch.ao.nn.intrinsic.LinearReLU.
  public final class LinearReLU: Module {
    /// The linear part.
    public let linear: OctetNN.Linear

    /// Fuses a linear layer with a ReLU; the parameters are shared.
    public init(_ linear: OctetNN.Linear) throws {
      self.linear = try OctetNN.Linear(weight: linear.weight, bias: linear.bias)
    }

    public override func ownChildren() -> [(name: String, module: Module)] { [("0", linear)] }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.relu(linear.forward(input))
    }
  }
}

extension Quantized {
  /// `y = x * wᵀ + b` on integers: quint8 or qint8 `[..., K]` in, the same type `[..., N]` out, requantized to the module's
  /// scale and zero point (float multiplier, ties to even). torch.ao.nn.quantized.Linear.
  public class Linear: Module {
    private var packed: PackedLinear
    /// The real value of one step of the output.
    public private(set) var scale: Double
    /// The integer that stands for 0 in the output.
    public private(set) var zeroPoint: Int

    /// True for the form that ends in a ReLU.
    var appliesReLU: Bool { false }

    /// A module around a qint8 weight `[N, K]` and a float32 bias `[N]`.
    ///
    /// - Throws: when weight, bias, scale or zero point aren't legal or don't fit.
    public init(weight: Tensor, bias: Tensor?, scale: Double, zeroPoint: Int) throws {
      packed = try PackedLinear(weight: weight, bias: bias, operation: "Quantized.Linear")
      _ = try Quantizer(
        scale: scale, zeroPoint: zeroPoint, dtype: .qint32, operation: "Quantized.Linear")
      self.scale = scale
      self.zeroPoint = zeroPoint
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.Linear, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        weight: context.quantizedWeight(float.weight.value), bias: float.bias?.value,
        scale: output.scale, zeroPoint: output.zeroPoint)
    }

    /// qint8 `[N, K]`.
    public var weight: Tensor { packed.weight }
    /// float32 `[N]`, nil for none.
    public var bias: Tensor? { packed.bias }

    public override var details: String {
      "\(packed.inFeatures), \(packed.outFeatures), scale: \(scale), zeroPoint: \(zeroPoint)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.quantizedLinear(
        input, packed,
        result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: appliesReLU))
    }

    public override func ownState() -> [(name: String, tensor: Tensor)] {
      packedState(weight: weight, bias: bias, output: (scale, zeroPoint))
    }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      let output = try outputParameters(state, default: (scale, zeroPoint))
      packed = try PackedLinear(
        weight: state["weight"] ?? weight, bias: state["bias"] ?? bias,
        operation: "Quantized.Linear")
      (scale, zeroPoint) = output
    }
  }

  /// `Linear` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.LinearReLU.
  public final class LinearReLU: Linear {
    override var appliesReLU: Bool { true }
  }
}

extension Dynamic {
  /// `y = x * wᵀ + b` with integer weights: float32 `[..., K]` in, quantized on the fly to 7 bits by the range of the whole
  /// input, float32 `[..., N]` out. torch.ao.nn.quantized.dynamic.Linear.
  public class Linear: Module {
    private var packed: PackedLinear

    /// True for the form that ends in a ReLU.
    var appliesReLU: Bool { false }

    /// A module around a qint8 weight `[N, K]` and a float32 bias `[N]`.
    public init(weight: Tensor, bias: Tensor?) throws {
      packed = try PackedLinear(weight: weight, bias: bias, operation: "Dynamic.Linear")
    }

    /// The dynamic form of a float layer.
    convenience init(_ float: OctetNN.Linear, _ context: ConversionContext) throws {
      try self.init(
        weight: context.quantizedWeight(float.weight.value), bias: float.bias?.value)
    }

    /// qint8 `[N, K]`.
    public var weight: Tensor { packed.weight }
    /// float32 `[N]`, nil for none.
    public var bias: Tensor? { packed.bias }

    public override var details: String { "\(packed.inFeatures), \(packed.outFeatures)" }

    public override func forward(_ input: Tensor) throws -> Tensor {
      let parameters = try RuntimeParameters.choose(
        for: input, reduceRange: true, operation: "quantized::linear_dynamic")
      let quantized = try Functional.quantizePerTensor(
        input, scale: parameters.scale, zeroPoint: parameters.zeroPoint, dtype: .quint8)
      return try Functional.quantizedLinear(quantized, packed, result: .real(relu: appliesReLU))
    }

    public override func ownState() -> [(name: String, tensor: Tensor)] {
      packedState(weight: weight, bias: bias, output: nil)
    }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      packed = try PackedLinear(
        weight: state["weight"] ?? weight, bias: state["bias"] ?? bias,
        operation: "Dynamic.Linear")
    }
  }

  /// `Linear` followed by a ReLU on the real output. torch.ao.nn.intrinsic.quantized.dynamic.LinearReLU.
  public final class LinearReLU: Linear {
    override var appliesReLU: Bool { true }
  }
}
