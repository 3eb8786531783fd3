import OctetNN
import OctetTensor

/// Keeps a histogram of everything that passed, and calculates parameters for the part of the range that loses least when
/// it is quantized. torch.ao.quantization.HistogramObserver.
///
/// 1. The first batch is counted in `bins` equal bins over its own range.
/// 2. A batch inside the range adds its counts.
/// 3. When the range grows, each old bin is cut into 16 equal parts, which move to the new bins that their middles lie in.
/// 4. `calculateParameters` narrows the range while the squared error of quantizing the histogram falls, see
///    `HistogramSearch`, and applies the observers' rule to what is left.
///
/// Memory is fixed: `bins` float32 counts, and as many again for each thread while a big batch is counted. Infinite values
/// are left out and counted in `nonFinite`; NaN is refused. Ranges of any width work, those that float32 can't hold as a
/// difference too. State: `histogram` [bins], `min_val` and `max_val` of shape [].
public final class HistogramObserver: RangeObserver {
  /// The number of bins.
  public let bins: Int

  /// Counts for each bin.
  public let histogram: Buffer

  /// The lower end of the first bin; +inf before the first batch.
  public let minVal = Buffer(Tensor(scalar: Float.infinity))

  /// The upper end of the last bin; -inf before the first batch.
  public let maxVal = Buffer(Tensor(scalar: -Float.infinity))

  /// torch's default.
  public static let defaultBins = 2048

  /// An observer with checked arguments.
  package init(_ settings: RangeSettings, bins: Int) {
    self.bins = bins
    histogram = Buffer(Self.vector([Float](repeating: 0, count: bins)))
    super.init(settings)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    HistogramObserver(settings, bins: bins).continuing(self)
  }

  /// An observer for per-tensor schemes.
  ///
  /// - Parameters:
  ///   - bins: how many bins the histogram has, 1...1048576.
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: perTensorAffine or perTensorSymmetric.
  ///   - reduceRange: halves the range of 8-bit types and of an explicit range.
  ///   - quantMin: the smallest integer, together with `quantMax`; nil: the type's.
  ///   - quantMax: the largest integer.
  ///   - eps: the smallest scale.
  ///   - isDynamic: refused: a histogram takes many batches.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public convenience init(
    bins: Int = 2048, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    reduceRange: Bool = false, quantMin: Int? = nil, quantMax: Int? = nil,
    eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) {
    self.init(
      try Self.check(
        bins, dtype: dtype, scheme: scheme, reduceRange: reduceRange, quantMin: quantMin,
        quantMax: quantMax, eps: eps, isDynamic: isDynamic), bins: bins)
  }

  /// A recipe for such observers. torch's `HistogramObserver.with_args`.
  ///
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  public static func factory(
    bins: Int = 2048, dtype: DType = .quint8, scheme: QScheme = .perTensorAffine,
    reduceRange: Bool = false, quantMin: Int? = nil, quantMax: Int? = nil,
    eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) throws(OctetError) -> ObserverFactory {
    .histogram(
      try check(
        bins, dtype: dtype, scheme: scheme, reduceRange: reduceRange, quantMin: quantMin,
        quantMax: quantMax, eps: eps, isDynamic: isDynamic), bins: bins)
  }

  private static func check(
    _ bins: Int, dtype: DType, scheme: QScheme, reduceRange: Bool, quantMin: Int?, quantMax: Int?,
    eps: Float, isDynamic: Bool
  ) throws(OctetError) -> RangeSettings {
    let name = "HistogramObserver"
    if isDynamic { throw refusesDynamic(name) }
    guard bins >= 1, bins <= 1 << 20 else {
      throw OctetError(
        .invalidConfiguration, operation: name, argument: "bins", expected: "1 to 1048576 bins",
        received: "\(bins)")
    }
    return try RangeSettings(
      name, dtype: dtype, scheme: scheme, isPerChannel: false, reduceRange: reduceRange,
      quantMin: quantMin, quantMax: quantMax, eps: eps, isDynamic: false)
  }

  public override func observe(_ input: Tensor) throws {
    guard let values = try values(of: input) else { return }
    let dense = try values.contiguous(values.preferredFormat)
    var found = try RangeScan.extremes(of: dense)
    if found.min.isNaN && nonFinitePolicy == .propagate {
      var seen = nonFinite
      try dense.contiguous().withElements(Float.self) { seen.add($0, batch: batchCount) }
      throw OctetError(
        .invalidArgument, operation: "HistogramObserver", argument: "input",
        expected: "values without NaN", received: seen.words,
        fix: "repair the layer that produces them")
    }
    try note(dense, [found])
    if !found.isFinite {
      found = try RangeScan.extremes(of: dense, .ignore)
      if found == Extremes() { return }
    }
    try count(dense, found)
  }

  private func count(_ dense: Tensor, _ found: Extremes) throws(OctetError) {
    let old = try extremes()
    let isFirst = old.min == .infinity || old.max == -.infinity
    var new = found
    if !isFirst { new.merge(old) }
    let binning = HistogramBinning(min: new.min, max: new.max, bins: bins)
    var counts = try binning.count(dense)
    if !isFirst {
      let before: [Float] = try histogram.value.elements()
      let moved = old == new ? before : try binning.rebin(before, from: old, adding: counts)
      for i in 0..<bins { counts[i] += moved[i] }
    }
    histogram.value = Self.vector(counts)
    minVal.value = Tensor(scalar: new.min)
    maxVal.value = Tensor(scalar: new.max)
  }

  private func extremes() throws(OctetError) -> Extremes {
    Extremes(min: Float(try minVal.value.item()), max: Float(try maxVal.value.item()))
  }

  public override var hasObserved: Bool { (try? extremes()) != Extremes() }

  public override func calculateParameters() throws -> QuantizationParameters {
    let range = try extremes()
    if range == Extremes() { return unobservedParameters }
    // Refuses state that no data can have led to.
    guard range.min <= range.max, range.min.isFinite, range.max.isFinite else {
      return try parameters([range.min], [range.max], axis: nil)
    }
    let search = HistogramSearch(
      histogram: try histogram.value.elements(), min: range.min, max: range.max,
      steps: Double(UInt64(1) << UInt64(max(dtype.storageDType.bitWidth, 8))))
    let kept = search.narrowedRange()
    return try parameters([kept.min], [kept.max], axis: nil)
  }

  public override func reset() {
    super.reset()
    histogram.value = Self.vector([Float](repeating: 0, count: bins))
    minVal.value = Tensor(scalar: Float.infinity)
    maxVal.value = Tensor(scalar: -Float.infinity)
  }
}

extension ObserverFactory {
  /// A recipe from arguments that have been checked.
  static func histogram(_ settings: RangeSettings, bins: Int = HistogramObserver.defaultBins)
    -> ObserverFactory
  {
    ObserverFactory(
      class: "HistogramObserver",
      arguments: (bins == HistogramObserver.defaultBins ? [] : ["bins=\(bins)"])
        + settings.arguments(defaultScheme: .perTensorAffine)
    ) { HistogramObserver(settings, bins: bins) }
  }
}
