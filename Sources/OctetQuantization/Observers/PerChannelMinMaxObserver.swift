import OctetNN
import OctetTensor

/// Keeps the smallest and the largest value of each channel. torch.ao.quantization.PerChannelMinMaxObserver.
public final class PerChannelMinMaxObserver: ChannelRangeObserver {
  /// An observer with checked arguments.
  package override init(_ settings: RangeSettings, chAxis: Int) {
    super.init(settings, chAxis: chAxis)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    PerChannelMinMaxObserver(settings, chAxis: chAxis).continuing(self)
  }

  /// An observer for per-channel schemes.
  ///
  /// - Parameters:
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
    chAxis: Int = 0, dtype: DType = .quint8, scheme: QScheme = .perChannelAffine,
    reduceRange: Bool = false, quantMin: Int? = nil, quantMax: Int? = nil,
    eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) {
    self.init(
      try Self.check(
        "PerChannelMinMaxObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange,
        quantMin: quantMin, quantMax: quantMax, eps: eps, isDynamic: isDynamic), chAxis: chAxis)
  }

  /// A recipe for such observers. torch's `PerChannelMinMaxObserver.with_args`.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    chAxis: Int = 0, dtype: DType = .quint8, scheme: QScheme = .perChannelAffine,
    reduceRange: Bool = false, quantMin: Int? = nil, quantMax: Int? = nil,
    eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    .perChannelMinMax(
      try check(
        "PerChannelMinMaxObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange,
        quantMin: quantMin, quantMax: quantMax, eps: eps, isDynamic: isDynamic), chAxis: chAxis)
  }
}

extension ObserverFactory {
  /// A recipe from arguments that have been checked.
  static func perChannelMinMax(_ settings: RangeSettings, chAxis: Int = 0) -> ObserverFactory {
    ObserverFactory(
      class: "PerChannelMinMaxObserver",
      arguments: (chAxis == 0 ? [] : ["ch_axis=\(chAxis)"])
        + settings.arguments(defaultScheme: .perChannelAffine)
    ) { PerChannelMinMaxObserver(settings, chAxis: chAxis) }
  }
}
