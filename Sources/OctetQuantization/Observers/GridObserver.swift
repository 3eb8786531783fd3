import OctetNN
import OctetTensor

/// The base of observers that choose a range by a histogram on the fixed grid. Beyond torch.
///
/// State: `histogram`, int64 of shape [32768], and the exact extremes of the finite values, `min_val` and `max_val` of shape
/// []. NaN and infinities never enter the range; they are counted in `nonFinite`. Observers of parts of the data, on other
/// devices or days, may be merged: the result is that of one observer of everything.
open class GridObserver: RangeObserver {
  /// Counts by bin.
  public let histogram: Buffer

  /// The smallest finite value so far; +inf before the first one.
  public let minVal = Buffer(Tensor(scalar: Float.infinity))

  /// The largest finite value so far; -inf before the first one.
  public let maxVal = Buffer(Tensor(scalar: -Float.infinity))

  /// An observer with checked arguments.
  public override init(_ settings: RangeSettings) {
    histogram = Buffer(Self.tensor(of: GridHistogram()))
    super.init(settings)
  }

  private static func tensor(of histogram: GridHistogram) -> Tensor {
    let words = histogram.allCounts.map { Int64(clamping: $0) }
    let storage = Storage(byteCount: words.count * 8)
    words.withUnsafeBytes { storage.fill(from: $0) }
    return Tensor(
      storage: storage, offset: 0, shape: [words.count], strides: [1], dtype: .int64,
      quantizer: nil)
  }

  /// What the state's counts say.
  ///
  /// - Throws: `stateMismatch` for negative counts, which no data has led to.
  public final func grid() throws(OctetError) -> GridHistogram {
    let words: [Int64] = try histogram.value.elements()
    guard words.allSatisfy({ $0 >= 0 }), let grid = GridHistogram(counts: words.map(UInt64.init))
    else {
      throw OctetError(
        .stateMismatch, operation: "\(type(of: self))", argument: "histogram",
        expected: "\(ObserveKernels.gridBins) counts that aren't negative",
        received: "shape \(histogram.value.shape)", fix: "load the state that was saved")
    }
    return grid
  }

  /// The exact extremes of the finite values.
  final func extremes() throws(OctetError) -> Extremes {
    Extremes(min: Float(try minVal.value.item()), max: Float(try maxVal.value.item()))
  }

  open override func observe(_ input: Tensor) throws {
    guard let values = try values(of: input) else { return }
    let found = try RangeScan.extremes(of: values)
    try note(values, [found])
    try store(
      counting: { grid throws(OctetError) in try grid.add(values) },
      widenedBy: found.isFinite ? found : RangeScan.extremes(of: values, .ignore))
  }

  /// Takes in all that another observer has seen.
  public final func merge(_ other: GridObserver) throws(OctetError) {
    let theirs = try other.grid()
    try store(
      counting: { grid throws(OctetError) in grid.merge(theirs) }, widenedBy: other.extremes())
  }

  private func store(
    counting count: (inout GridHistogram) throws(OctetError) -> Void, widenedBy extremes: Extremes
  ) throws(OctetError) {
    var grid = try self.grid()
    try count(&grid)
    var merged = try self.extremes()
    merged.merge(extremes)
    histogram.value = Self.tensor(of: grid)
    minVal.value = Tensor(scalar: merged.min)
    maxVal.value = Tensor(scalar: merged.max)
  }

  /// The range that parameters shall cover, for a histogram that isn't empty; ends beyond the extremes are brought back to
  /// them.
  open func chosenRange(_ grid: GridHistogram, _ extremes: (min: Float, max: Float)) -> (
    min: Float, max: Float
  ) {
    extremes
  }

  open override var hasObserved: Bool { (try? extremes()) != Extremes() }

  open override func calculateParameters() throws -> QuantizationParameters {
    let extremes = try self.extremes()
    if extremes == Extremes() { return unobservedParameters }
    guard extremes.isFinite, extremes.min <= extremes.max else {
      return try parameters([extremes.min], [extremes.max], axis: nil)
    }
    let chosen = chosenRange(try grid(), (extremes.min, extremes.max))
    let low = Swift.min(Swift.max(chosen.min, extremes.min), extremes.max)
    let high = Swift.max(Swift.min(chosen.max, extremes.max), low)
    return try parameters([low], [high], axis: nil)
  }

  open override func reset() {
    super.reset()
    histogram.value = Self.tensor(of: GridHistogram())
    minVal.value = Tensor(scalar: Float.infinity)
    maxVal.value = Tensor(scalar: -Float.infinity)
  }

  static func check(_ observer: String, dtype: DType, scheme: QScheme, reduceRange: Bool)
    throws(OctetError) -> RangeSettings
  {
    try RangeSettings(
      observer, dtype: dtype, scheme: scheme, isPerChannel: false, reduceRange: reduceRange,
      quantMin: nil, quantMax: nil, eps: RangeSettings.defaultEps, isDynamic: false)
  }
}
