import Foundation
import OctetNN
import OctetTensor

/// Covers the part of the range that keeps most of the distribution's information: the candidate whose quantized distribution
/// `Q` is nearest to the clipped one `P`, by `KL(P, Q) = sum of P * ln(P / Q)` over the bins of the fixed grid. Beyond torch;
/// the calibration by relative entropy that inference engines offer.
///
/// For a candidate range, bins beyond an end are counted in the outermost bin inside it, which makes `P`. The integers' steps
/// cut the range into equal levels; each level's values, those inside the range alone, are spread over the level's
/// bins that aren't empty in proportion to their widths, which makes `Q`. Candidates are those of `MSEObserver`; of equal ones
/// the widest wins.
public final class EntropyObserver: GridObserver {
  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    EntropyObserver(settings).continuing(self)
  }

  /// An observer with checked arguments.
  package override init(_ settings: RangeSettings) { super.init(settings) }

  /// An observer for per-tensor schemes.
  ///
  /// - Parameters:
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: perTensorAffine or perTensorSymmetric.
  ///   - reduceRange: halves the range of 8-bit types.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public convenience init(
    dtype: DType = .quint8, scheme: QScheme = .perTensorAffine, reduceRange: Bool = false
  ) throws(OctetError) {
    self.init(
      try Self.check("EntropyObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange))
  }

  /// A recipe for such observers.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    dtype: DType = .quint8, scheme: QScheme = .perTensorAffine, reduceRange: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    let settings = try check(
      "EntropyObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange)
    return ObserverFactory(
      class: "EntropyObserver", arguments: settings.arguments(defaultScheme: .perTensorAffine)
    ) { EntropyObserver(settings) }
  }

  public override func chosenRange(_ grid: GridHistogram, _ extremes: (min: Float, max: Float)) -> (
    min: Float, max: Float
  ) {
    let bins = grid.bins
    var best = extremes
    var least = Double.infinity
    for candidate in RangeCandidates(min: extremes.min, max: extremes.max) {
      let entropy = divergence(bins, candidate)
      if entropy < least { (least, best) = (entropy, candidate) }
    }
    return best
  }

  private func divergence(_ bins: [GridHistogram.Bin], _ range: (min: Float, max: Float)) -> Double
  {
    let inside = bins.indices.filter {
      Double(range.min) <= bins[$0].middle && bins[$0].middle <= Double(range.max)
    }
    guard let first = inside.first, let last = inside.last else { return .infinity }
    var clipped = bins[first...last].map { Double($0.count) }
    for bin in bins[..<first] { clipped[0] += Double(bin.count) }
    for bin in bins[(last + 1)...] { clipped[clipped.count - 1] += Double(bin.count) }
    let spread = quantized(Array(bins[first...last]), range)
    let total = clipped.reduce(0, +)
    let kept = spread.reduce(0, +)
    return zip(clipped, spread).reduce(0) { sum, pair in
      sum + pair.0 / total * log(pair.0 / total / (pair.1 / kept))
    }
  }

  /// Each level's values over its bins in proportion to their widths.
  private func quantized(_ bins: [GridHistogram.Bin], _ range: (min: Float, max: Float)) -> [Double]
  {
    let levels = Double(settings.quantMax - settings.quantMin + 1)
    let width = Swift.max((Double(range.max) - Double(range.min)) / levels, .leastNormalMagnitude)
    func level(_ bin: GridHistogram.Bin) -> Double {
      Swift.min(((bin.middle - Double(range.min)) / width).rounded(.down), levels - 1)
    }
    var result: [Double] = []
    var start = 0
    while start < bins.count {
      let current = level(bins[start])
      let end = bins[start...].firstIndex { level($0) != current } ?? bins.count
      let own = bins[start..<end]
      let count = own.reduce(0) { $0 + Double($1.count) }
      let total = own.reduce(0) { $0 + (Double($1.high) - Double($1.low)) }
      result += own.map { count * (Double($0.high) - Double($0.low)) / total }
      start = end
    }
    return result
  }
}
