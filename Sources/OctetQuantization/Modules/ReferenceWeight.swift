import OctetNN
import OctetTensor

extension Reference {
  /// How a reference module quantizes its weight. torch's `weight_qparams`.
  public struct WeightParameters: Sendable, Equatable {
    /// The quantized type.
    public let dtype: DType
    /// Scales and zero points.
    public let quantizer: Quantizer

    /// Parameters for `dtype`; the scales are rounded to float32, as torch keeps them.
    public init(_ quantizer: Quantizer, dtype: DType) {
      self.dtype = dtype
      switch quantizer.parameters {
      case .perTensor(let scale, let zero):
        self.quantizer = Quantizer(
          trusted: .perTensor(scale: Double(Float(scale)), zeroPoint: zero))
      case .perChannel(let scales, let zeros, let axis):
        self.quantizer = Quantizer(
          trusted: .perChannel(
            scales: scales.map { Double(Float($0)) }, zeroPoints: zeros, axis: axis))
      case .perChannelFloat: self.quantizer = quantizer
      }
    }

    /// Checks that the parameters fit a weight.
    func check(_ weight: Tensor, _ operation: String) throws {
      guard weight.dtype == .float32 else {
        throw OctetError(
          .dtypeMismatch, operation: operation, argument: "weight", expected: "dtype float32",
          received: "dtype \(weight.dtype.rawValue)")
      }
      _ = try quantizedAndBack(weight)
    }

    /// What quantizing and dequantizing makes of a weight.
    func quantizedAndBack(_ weight: Tensor) throws -> Tensor {
      try Functional.quantize(weight, quantizer, dtype: dtype).dequantized()
    }
  }

  /// `linear(x, w', b)` in float32 with the weight quantized and dequantized. torch.ao.nn.quantized.reference.Linear.
  public final class Linear: Module {
    /// float32 `[N, K]`, as given.
    public let weight: Parameter
    /// float32 `[N]`, nil for none.
    public let bias: Parameter?
    /// How the weight is quantized.
    public let weightParameters: WeightParameters

    /// A module around a float32 weight `[N, K]` and bias `[N]`.
    ///
    /// - Throws: when weight, bias and parameters don't fit.
    public init(weight: Tensor, bias: Tensor?, weightParameters: WeightParameters) throws {
      try weightParameters.check(weight, "Reference.Linear")
      // The float layer has the rules of these shapes.
      let float = try OctetNN.Linear(weight: Parameter(weight), bias: bias.map { Parameter($0) })
      (self.weight, self.bias) = (float.weight, float.bias)
      self.weightParameters = weightParameters
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.Linear, _ context: ConversionContext) throws {
      let weight = float.weight.value
      try self.init(
        weight: weight, bias: float.bias?.value,
        weightParameters: context.referenceParameters(weight))
    }

    /// The weight that the module computes with. torch's `get_weight()`.
    public func effectiveWeight() throws -> Tensor {
      try weightParameters.quantizedAndBack(weight.value)
    }

    public override var details: String {
      "\(weight.value.shape[1]), \(weight.value.shape[0]), bias: \(bias != nil)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.linear(input, weight: effectiveWeight(), bias: bias?.value)
    }
  }
}

extension ConversionContext {
  /// How a reference module is to quantize its weight.
  func referenceParameters(_ weight: Tensor) throws -> Reference.WeightParameters {
    let parameters = try weightParameters(weight, weightObserver)
    return Reference.WeightParameters(
      try parameters.quantizer(for: weight.shape), dtype: parameters.dtype)
  }
}
