import OctetNN
import OctetTensor

/// Covers the part of the range whose quantization loses least: the candidate with the smallest
/// `sum of count * (quantize(middle) - middle)^2` over the bins of the fixed grid. Beyond torch.
///
/// Candidates are what lies within `-T...T` for `T = max(-min, max) * 2^(-i / 8)`, `i` in 0...56; each is quantized with the
/// parameters that it would give. Of equal ones the widest wins.
public final class MSEObserver: GridObserver {
  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    MSEObserver(settings).continuing(self)
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
      try Self.check("MSEObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange))
  }

  /// A recipe for such observers.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    dtype: DType = .quint8, scheme: QScheme = .perTensorAffine, reduceRange: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    let settings = try check(
      "MSEObserver", dtype: dtype, scheme: scheme, reduceRange: reduceRange)
    return ObserverFactory(
      class: "MSEObserver", arguments: settings.arguments(defaultScheme: .perTensorAffine)
    ) { MSEObserver(settings) }
  }

  public override func chosenRange(_ grid: GridHistogram, _ extremes: (min: Float, max: Float)) -> (
    min: Float, max: Float
  ) {
    let bins = grid.bins
    var best = extremes
    var least = Double.infinity
    for candidate in RangeCandidates(min: extremes.min, max: extremes.max) {
      let error = squaredError(of: bins, candidate)
      if error < least { (least, best) = (error, candidate) }
    }
    return best
  }

  private func squaredError(of bins: [GridHistogram.Bin], _ range: (min: Float, max: Float))
    -> Double
  {
    guard let chosen = try? parameters([range.min], [range.max], axis: nil),
      case .integer(let zeros) = chosen.zeroPoints,
      let scale = chosen.scales.first.map(Double.init),
      let zero = zeros.first.map(Double.init)
    else { return .infinity }
    let low = Double(settings.quantMin) - zero
    let high = Double(settings.quantMax) - zero
    return bins.reduce(0) { sum, bin in
      let steps = (bin.middle / scale).rounded(.toNearestOrEven)
      let error = Swift.min(Swift.max(steps, low), high) * scale - bin.middle
      return sum + Double(bin.count) * error * error
    }
  }
}
