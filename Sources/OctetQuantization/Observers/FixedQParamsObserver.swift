import OctetNN
import OctetTensor

/// Gives the scale and zero point it was made with, whatever passes. torch.ao.quantization.FixedQParamsObserver.
///
/// State: `scale` float32 [1] and `zero_point` int32 [1].
public final class FixedQParamsObserver: Observer {
  /// Real values of one step, shape [1].
  public let scale: Buffer
  /// The integer that stands for 0, shape [1].
  public let zeroPoint: Buffer
  /// The smallest integer.
  public let quantMin: Int
  /// The largest integer.
  public let quantMax: Int
  private let chosenScheme: QScheme

  /// What makes such an observer, checked.
  struct Values: Sendable {
    var scale: Double
    var zeroPoint: Int
    var dtype: DType = .quint8
    var scheme: QScheme = .perTensorAffine
    var quantMin = 0
    var quantMax = 255
  }

  init(_ values: Values) {
    scale = Buffer(RangeObserver.vector([Float(values.scale)]))
    let zero = Tensor(scalar: Int32(clamping: values.zeroPoint))
    zeroPoint = Buffer(
      Tensor(
        storage: zero.storage, offset: 0, shape: [1], strides: [1], dtype: .int32, quantizer: nil))
    quantMin = values.quantMin
    quantMax = values.quantMax
    chosenScheme = values.scheme
    super.init(dtype: values.dtype)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    FixedQParamsObserver(
      Values(
        scale: Double(try scale.value.item()), zeroPoint: Int(try zeroPoint.value.item()),
        dtype: dtype, scheme: chosenScheme, quantMin: quantMin, quantMax: quantMax))
  }

  /// An observer with fixed parameters.
  ///
  /// - Parameters:
  ///   - scale: the real value of one step, positive and finite.
  ///   - zeroPoint: the integer that stands for 0, in `quantMin...quantMax`.
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: perTensorAffine or perTensorSymmetric.
  ///   - quantMin: the smallest integer.
  ///   - quantMax: the largest integer.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public convenience init(
    scale: Double, zeroPoint: Int, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    quantMin: Int = 0, quantMax: Int = 255
  ) throws(OctetError) {
    let values = Values(
      scale: scale, zeroPoint: zeroPoint, dtype: dtype, scheme: scheme, quantMin: quantMin,
      quantMax: quantMax)
    try Self.check(values)
    self.init(values)
  }

  /// A recipe for such observers. torch's `FixedQParamsObserver.with_args`.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    scale: Double, zeroPoint: Int, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    quantMin: Int = 0, quantMax: Int = 255
  ) throws(OctetError) -> ObserverFactory {
    let values = Values(
      scale: scale, zeroPoint: zeroPoint, dtype: dtype, scheme: scheme, quantMin: quantMin,
      quantMax: quantMax)
    try check(values)
    return .fixedQParams(values)
  }

  private static func check(_ values: Values) throws(OctetError) {
    func refuse(_ argument: String, _ expected: String, _ received: String) -> OctetError {
      OctetError(
        .invalidConfiguration, operation: "FixedQParamsObserver", argument: argument,
        expected: expected, received: received)
    }
    guard values.scale > 0, Float(values.scale) > 0, Float(values.scale).isFinite else {
      throw refuse("scale", "a positive finite scale", "\(values.scale)")
    }
    guard !values.scheme.isPerChannel else {
      throw refuse("qscheme", "a per-tensor scheme", values.scheme.rawValue)
    }
    guard let full = values.dtype.integerRange, values.dtype != .int64, values.dtype != .bool else {
      throw refuse("dtype", "a quantized or integer dtype", values.dtype.rawValue)
    }
    guard values.quantMin < values.quantMax, full.contains(values.quantMin),
      full.contains(values.quantMax)
    else {
      throw refuse(
        "quant_min", "quant_min below quant_max, both in the range of \(values.dtype.rawValue)",
        "\(values.quantMin) and \(values.quantMax)")
    }
    guard (values.quantMin...values.quantMax).contains(values.zeroPoint) else {
      throw refuse(
        "zero_point", "a zero point in \(values.quantMin)...\(values.quantMax)",
        "\(values.zeroPoint)")
    }
  }

  public override var scheme: QScheme? { chosenScheme }

  public override func calculateParameters() throws -> QuantizationParameters {
    QuantizationParameters(
      scales: [Float(try scale.value.item())],
      zeroPoints: .integer([Int(try zeroPoint.value.item())]), axis: nil, dtype: dtype)
  }
}

extension ObserverFactory {
  /// A recipe from arguments that have been checked.
  static func fixedQParams(_ values: FixedQParamsObserver.Values) -> ObserverFactory {
    var arguments = ["scale=\(values.scale)", "zero_point=\(values.zeroPoint)"]
    if values.dtype != .quint8 { arguments.append("dtype=\(values.dtype.rawValue)") }
    if values.scheme != .perTensorAffine { arguments.append("qscheme=\(values.scheme.rawValue)") }
    if values.quantMin != 0 { arguments.append("quant_min=\(values.quantMin)") }
    if values.quantMax != 255 { arguments.append("quant_max=\(values.quantMax)") }
    return ObserverFactory(class: "FixedQParamsObserver", arguments: arguments) {
      FixedQParamsObserver(values)
    }
  }
}
