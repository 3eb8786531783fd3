import OctetNN
import OctetTensor

/// Keeps the smallest and the largest value of everything that passed, and calculates parameters from them by the
/// observers' rule. torch.ao.quantization.MinMaxObserver.
public final class MinMaxObserver: TensorRangeObserver {
  /// An observer with checked arguments.
  package override init(_ settings: RangeSettings) { super.init(settings) }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    MinMaxObserver(settings).continuing(self)
  }

  /// An observer for per-tensor schemes.
  ///
  /// - Parameters:
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: perTensorAffine or perTensorSymmetric.
  ///   - reduceRange: halves the range of 8-bit types and of an explicit range.
  ///   - quantMin: the smallest integer, together with `quantMax`; nil: the type's.
  ///   - quantMax: the largest integer.
  ///   - eps: the smallest scale.
  ///   - isDynamic: parameters are chosen anew at run time.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public convenience init(
    dtype: DType = .quint8, scheme: QScheme = .perTensorAffine, reduceRange: Bool = false,
    quantMin: Int? = nil, quantMax: Int? = nil, eps: Float = RangeSettings.defaultEps,
    isDynamic: Bool = false
  ) throws(OctetError) {
    self.init(
      try RangeSettings(
        "MinMaxObserver", dtype: dtype, scheme: scheme, isPerChannel: false,
        reduceRange: reduceRange, quantMin: quantMin, quantMax: quantMax, eps: eps,
        isDynamic: isDynamic))
  }

  /// A recipe for such observers. torch's `MinMaxObserver.with_args`.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    dtype: DType = .quint8, scheme: QScheme = .perTensorAffine, reduceRange: Bool = false,
    quantMin: Int? = nil, quantMax: Int? = nil, eps: Float = RangeSettings.defaultEps,
    isDynamic: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    .minMax(
      try RangeSettings(
        "MinMaxObserver", dtype: dtype, scheme: scheme, isPerChannel: false,
        reduceRange: reduceRange, quantMin: quantMin, quantMax: quantMax, eps: eps,
        isDynamic: isDynamic))
  }
}

extension ObserverFactory {
  /// A recipe from arguments that have been checked.
  static func minMax(_ settings: RangeSettings) -> ObserverFactory {
    ObserverFactory(
      class: "MinMaxObserver", arguments: settings.arguments(defaultScheme: .perTensorAffine)
    ) { MinMaxObserver(settings) }
  }
}
