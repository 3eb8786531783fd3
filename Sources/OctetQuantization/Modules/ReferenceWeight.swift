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
    public var weightParameters: WeightParameters { rounding.parameters }
    private let rounding: WeightRounding

    /// A module around a float32 weight `[N, K]` and bias `[N]`.
    ///
    /// - Throws: when weight, bias and parameters don't fit.
    public init(weight: Tensor, bias: Tensor?, weightParameters: WeightParameters) throws {
      try weightParameters.check(weight, "Reference.Linear")
      // The float layer has the rules of these shapes.
      let float = try OctetNN.Linear(weight: Parameter(weight), bias: bias.map { Parameter($0) })
      (self.weight, self.bias) = (float.weight, float.bias)
      rounding = WeightRounding(weightParameters)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Linear(
        weight: weight.value, bias: bias?.value, weightParameters: weightParameters)
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
      "\(weight.value.shape[1]), \(weight.value.shape[0]), bias: \(bias != nil), weight: \(rounding.details)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.linear(input, weight: effectiveWeight(), bias: bias?.value)
    }
  }
}

/// How a weight is quantized and dequantized, as a part of a module's state: `weight_scale`, `weight_zero_point` and, per channel,
/// `weight_axis`.
final class WeightRounding: StateGroup {
  private(set) var parameters: Reference.WeightParameters
  private let name: String

  /// Parameters of the weight with a name.
  init(_ parameters: Reference.WeightParameters, name: String = "weight") {
    self.parameters = parameters
    self.name = name
  }

  var comesLast: Bool { true }

  var entries: [(name: String, tensor: Tensor)] {
    let scales: Tensor
    let zeroPoints: Tensor
    var axis: Int?
    switch parameters.quantizer.parameters {
    case .perTensor(let scale, let zero):
      (scales, zeroPoints) = (Tensor(scalar: Float(scale)), Tensor(scalar: Int64(zero)))
    case .perChannel(let all, let zeros, let channels):
      scales = Self.list(all.map { Float($0) })
      zeroPoints = Self.list(zeros.map { Int64($0) })
      axis = channels
    case .perChannelFloat(let all, let zeros, let channels):
      (scales, zeroPoints) = (Self.list(all), Self.list(zeros))
      axis = channels
    }
    return [("\(name)_scale", scales), ("\(name)_zero_point", zeroPoints)]
      + (axis.map { [("\(name)_axis", Tensor(scalar: Int64($0)))] } ?? [])
  }

  private static func list<Element: TensorScalar>(_ values: [Element]) -> Tensor {
    eager { try Tensor(values, shape: [values.count]) }
  }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    var own: [String: Tensor] = [:]
    for (name, tensor) in entries { own[name] = state[name] ?? tensor }
    guard let scale = own["\(name)_scale"], let zeroPoint = own["\(name)_zero_point"] else {
      return
    }
    let scales: [Float] = try scale.elements()
    let (dtype, axis) = (parameters.dtype, parameters.quantizer.axis ?? 0)
    if let given = try own["\(name)_axis"]?.item(), Int(given) != axis {
      throw OctetError(
        .stateMismatch, operation: "load_state_dict", argument: "\(name)_axis",
        expected: "\(axis)", received: "\(Int(given))")
    }
    // The weight has as many channels as there have always been scales.
    let shape = [Int](repeating: 1, count: axis) + [scales.count]
    let quantizer =
      switch parameters.quantizer.parameters {
      case .perTensor:
        try Quantizer(
          scale: Double(scales.first ?? 0), zeroPoint: Int(zeroPoint.item()), dtype: dtype)
      case .perChannel:
        try Quantizer(
          scales: scales.map(Double.init),
          zeroPoints: zeroPoint.elements(as: Int64.self).map { Int($0) }, axis: axis,
          shape: shape, dtype: dtype)
      case .perChannelFloat:
        try Quantizer(
          scales: scales, floatZeroPoints: zeroPoint.elements(), axis: axis, shape: shape,
          dtype: dtype)
      }
    if !isTrial { parameters = Reference.WeightParameters(quantizer, dtype: dtype) }
  }

  /// Type and scheme for printing.
  var details: String { "\(parameters.dtype.rawValue) \(parameters.quantizer.scheme.rawValue)" }
}

extension ConversionContext {
  /// How a reference module is to quantize its weight.
  func referenceParameters(_ weight: Tensor) throws -> Reference.WeightParameters {
    let parameters = try weightParameters(weight, weightObserver)
    return Reference.WeightParameters(
      try parameters.quantizer(for: weight.shape), dtype: parameters.dtype)
  }
}
