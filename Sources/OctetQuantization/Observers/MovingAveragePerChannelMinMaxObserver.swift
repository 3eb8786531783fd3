import OctetNN
import OctetTensor

/// Follows the extremes of each channel: `m += c * (batch - m)` in float32, the first batch copied.
/// torch.ao.quantization.MovingAveragePerChannelMinMaxObserver.
public final class MovingAveragePerChannelMinMaxObserver: ChannelRangeObserver {
  /// The weight `c` of the newest batch, 0...1. At 1 only the last batch counts.
  public let averagingConstant: Double

  /// An observer with checked arguments.
  package init(_ settings: RangeSettings, averagingConstant: Double, chAxis: Int) {
    self.averagingConstant = averagingConstant
    super.init(settings, chAxis: chAxis)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    MovingAveragePerChannelMinMaxObserver(
      settings, averagingConstant: averagingConstant, chAxis: chAxis
    ).continuing(self)
  }

  /// An observer for per-channel schemes.
  ///
  /// - Parameters:
  ///   - averagingConstant: the weight of the newest batch, 0...1.
  ///   - chAxis: the axis of channels; negative ones count from the end.
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: perChannelAffine, perChannelSymmetric or perChannelAffineFloatQParams.
  ///   - reduceRange: halves the range of 8-bit types and of an explicit range.
  ///   - quantMin: the smallest integer, together with `quantMax`; nil: the type's.
  ///   - quantMax: the largest integer.
  ///   - eps: the smallest scale.
  ///   - isDynamic: refused: parameters chosen at run time are per tensor.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public convenience init(
    averagingConstant: Double = 0.01, chAxis: Int = 0, dtype: DType = .quint8,
    scheme: QScheme = .perChannelAffine, reduceRange: Bool = false, quantMin: Int? = nil,
    quantMax: Int? = nil, eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) {
    let name = "MovingAveragePerChannelMinMaxObserver"
    try AveragingConstant.check(averagingConstant, false, name)
    self.init(
      try Self.check(
        name, dtype: dtype, scheme: scheme, reduceRange: reduceRange, quantMin: quantMin,
        quantMax: quantMax, eps: eps, isDynamic: isDynamic),
      averagingConstant: averagingConstant, chAxis: chAxis)
  }

  /// A recipe for such observers. torch's `MovingAveragePerChannelMinMaxObserver.with_args`.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    averagingConstant: Double = 0.01, chAxis: Int = 0, dtype: DType = .quint8,
    scheme: QScheme = .perChannelAffine, reduceRange: Bool = false, quantMin: Int? = nil,
    quantMax: Int? = nil, eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    let name = "MovingAveragePerChannelMinMaxObserver"
    try AveragingConstant.check(averagingConstant, false, name)
    return .movingAveragePerChannelMinMax(
      try check(
        name, dtype: dtype, scheme: scheme, reduceRange: reduceRange, quantMin: quantMin,
        quantMax: quantMax, eps: eps, isDynamic: isDynamic),
      averagingConstant: averagingConstant, chAxis: chAxis)
  }

  override func combine(_ old: Extremes, _ new: Extremes) -> Extremes {
    AveragingConstant.moved(old, towards: new, by: Float(averagingConstant))
  }
}

extension ObserverFactory {
  /// A recipe from arguments that have been checked.
  static func movingAveragePerChannelMinMax(
    _ settings: RangeSettings, averagingConstant: Double = AveragingConstant.standard,
    chAxis: Int = 0
  ) -> ObserverFactory {
    var arguments: [String] = []
    if averagingConstant != AveragingConstant.standard {
      arguments.append("averaging_constant=\(averagingConstant)")
    }
    if chAxis != 0 { arguments.append("ch_axis=\(chAxis)") }
    return ObserverFactory(
      class: "MovingAveragePerChannelMinMaxObserver",
      arguments: arguments + settings.arguments(defaultScheme: .perChannelAffine)
    ) {
      MovingAveragePerChannelMinMaxObserver(
        settings, averagingConstant: averagingConstant, chAxis: chAxis)
    }
  }
}
