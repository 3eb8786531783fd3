import OctetNN
import OctetTensor

/// Covers all but the outermost values: the range from the quantile `1 - p / 100` to the quantile `p / 100` of what has
/// passed, on the fixed grid. Beyond torch.
public final class PercentileObserver: GridObserver {
  /// The percentile `p`, above 50 and at most 100. At 100 nothing is left out.
  public let percentile: Double

  /// An observer with checked arguments.
  package init(_ settings: RangeSettings, percentile: Double) {
    self.percentile = percentile
    super.init(settings)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    PercentileObserver(settings, percentile: percentile).continuing(self)
  }

  /// An observer for per-tensor schemes.
  ///
  /// - Parameters:
  ///   - percentile: above 50 and at most 100.
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: perTensorAffine or perTensorSymmetric.
  ///   - reduceRange: halves the range of 8-bit types.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public convenience init(
    percentile: Double = 99.99, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    reduceRange: Bool = false
  ) throws(OctetError) {
    try Self.check(percentile)
    self.init(
      try Self.check("PercentileObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange),
      percentile: percentile)
  }

  /// A recipe for such observers.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    percentile: Double = 99.99, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    reduceRange: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    try check(percentile)
    let settings = try check(
      "PercentileObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange)
    return ObserverFactory(
      class: "PercentileObserver",
      arguments: ["percentile=\(percentile)"] + settings.arguments(defaultScheme: .perTensorAffine)
    ) { PercentileObserver(settings, percentile: percentile) }
  }

  private static func check(_ percentile: Double) throws(OctetError) {
    guard percentile > 50, percentile <= 100 else {
      throw OctetError(
        .invalidConfiguration, operation: "PercentileObserver", argument: "percentile",
        expected: "a number above 50 and at most 100", received: "\(percentile)")
    }
  }

  public override func chosenRange(_ grid: GridHistogram, _ extremes: (min: Float, max: Float)) -> (
    min: Float, max: Float
  ) {
    if percentile == 100 { return extremes }
    let low = grid.quantile(1 - percentile / 100) ?? extremes.min
    return (low, grid.quantile(percentile / 100) ?? extremes.max)
  }
}
