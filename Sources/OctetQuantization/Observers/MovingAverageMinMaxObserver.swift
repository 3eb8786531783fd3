import OctetNN
import OctetTensor

/// Follows the extremes of batches: the first batch's are taken as they are, later ones move them by
/// `m += c * (batch - m)` in float32. torch.ao.quantization.MovingAverageMinMaxObserver.
public final class MovingAverageMinMaxObserver: TensorRangeObserver {
  /// The weight `c` of the newest batch, 0...1. At 1 only the last batch counts.
  public let averagingConstant: Double

  /// An observer with checked arguments.
  package init(_ settings: RangeSettings, averagingConstant: Double) {
    self.averagingConstant = averagingConstant
    super.init(settings)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    MovingAverageMinMaxObserver(settings, averagingConstant: averagingConstant).continuing(self)
  }

  /// An observer for per-tensor schemes.
  ///
  /// - Parameters:
  ///   - averagingConstant: the weight of the newest batch, 0...1.
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: perTensorAffine or perTensorSymmetric.
  ///   - reduceRange: halves the range of 8-bit types and of an explicit range.
  ///   - quantMin: the smallest integer, together with `quantMax`; nil: the type's.
  ///   - quantMax: the largest integer.
  ///   - eps: the smallest scale.
  ///   - isDynamic: parameters are chosen anew at run time; needs an averaging constant of 1.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public convenience init(
    averagingConstant: Double = 0.01, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    reduceRange: Bool = false, quantMin: Int? = nil, quantMax: Int? = nil,
    eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) {
    try AveragingConstant.check(averagingConstant, isDynamic, "MovingAverageMinMaxObserver")
    self.init(
      try RangeSettings(
        "MovingAverageMinMaxObserver", dtype: dtype, scheme: scheme, isPerChannel: false,
        reduceRange: reduceRange, quantMin: quantMin, quantMax: quantMax, eps: eps,
        isDynamic: isDynamic), averagingConstant: averagingConstant)
  }

  /// A recipe for such observers. torch's `MovingAverageMinMaxObserver.with_args`.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    averagingConstant: Double = 0.01, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    reduceRange: Bool = false, quantMin: Int? = nil, quantMax: Int? = nil,
    eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    try AveragingConstant.check(averagingConstant, isDynamic, "MovingAverageMinMaxObserver")
    return .movingAverageMinMax(
      try RangeSettings(
        "MovingAverageMinMaxObserver", dtype: dtype, scheme: scheme, isPerChannel: false,
        reduceRange: reduceRange, quantMin: quantMin, quantMax: quantMax, eps: eps,
        isDynamic: isDynamic), averagingConstant: averagingConstant)
  }

  override func combine(_ old: Extremes, _ new: Extremes) -> Extremes {
    AveragingConstant.moved(old, towards: new, by: Float(averagingConstant))
  }
}

/// The weight of the newest batch in a moving average.
enum AveragingConstant {
  /// torch's default.
  static let standard = 0.01

  static func check(_ value: Double, _ isDynamic: Bool, _ observer: String) throws(OctetError) {
    guard value >= 0, value <= 1 else {
      throw OctetError(
        .invalidConfiguration, operation: observer, argument: "averaging_constant",
        expected: "a number in 0...1", received: "\(value)")
    }
    if isDynamic && value != 1 {
      throw OctetError(
        .invalidConfiguration, operation: observer, argument: "averaging_constant",
        expected: "1 for a dynamic observer", received: "\(value)",
        fix: "set averaging_constant to 1, or is_dynamic to false")
    }
  }

  /// One step of the average; the first one copies.
  static func moved(_ old: Extremes, towards new: Extremes, by weight: Float) -> Extremes {
    if old == Extremes() { return new }
    return Extremes(
      min: moved(old.min, towards: new.min, by: weight),
      max: moved(old.max, towards: new.max, by: weight))
  }

  /// `old + weight * (new - old)` in float32, in double where the difference of finite values overflows.
  static func moved(_ old: Float, towards new: Float, by weight: Float) -> Float {
    let difference = new - old
    if difference.isFinite || !old.isFinite || !new.isFinite { return old + weight * difference }
    return Float(Double(old) + Double(weight) * (Double(new) - Double(old)))
  }
}

extension ObserverFactory {
  /// A recipe from arguments that have been checked.
  static func movingAverageMinMax(
    _ settings: RangeSettings, averagingConstant: Double = AveragingConstant.standard
  ) -> ObserverFactory {
    let weight =
      averagingConstant == AveragingConstant.standard
      ? [] : ["averaging_constant=\(averagingConstant)"]
    return ObserverFactory(
      class: "MovingAverageMinMaxObserver",
      arguments: weight + settings.arguments(defaultScheme: .perTensorAffine)
    ) { MovingAverageMinMaxObserver(settings, averagingConstant: averagingConstant) }
  }
}
