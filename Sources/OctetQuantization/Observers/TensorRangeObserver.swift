import OctetNN
import OctetTensor

/// The base of observers that keep one pair of extremes.
///
/// State: `min_val` and `max_val`, float32 of shape [], +inf and -inf before the first batch. A NaN stays in both.
open class TensorRangeObserver: RangeObserver {
  /// The smallest value so far.
  public let minVal = Buffer(Tensor(scalar: Float.infinity))

  /// The largest value so far.
  public let maxVal = Buffer(Tensor(scalar: -Float.infinity))

  open override func observe(_ input: Tensor) throws {
    guard let values = try values(of: input) else { return }
    guard let found = try rangeOfBatch(values) else { return }
    store(combine(try extremes(), found))
  }

  /// What the extremes become after a batch; here the wider of both.
  func combine(_ old: Extremes, _ new: Extremes) -> Extremes {
    var merged = old
    merged.merge(new)
    return merged
  }

  /// The extremes that state holds.
  final func extremes() throws(OctetError) -> Extremes {
    Extremes(min: Float(try minVal.value.item()), max: Float(try maxVal.value.item()))
  }

  /// Makes these the state's extremes.
  final func store(_ extremes: Extremes) {
    minVal.value = Tensor(scalar: extremes.min)
    maxVal.value = Tensor(scalar: extremes.max)
  }

  open override var hasObserved: Bool { (try? extremes()) != Extremes() }

  open override func calculateParameters() throws -> QuantizationParameters {
    let extremes = try self.extremes()
    if extremes == Extremes() { return unobservedParameters }
    return try parameters([extremes.min], [extremes.max], axis: nil)
  }

  open override func reset() {
    super.reset()
    store(Extremes())
  }
}
