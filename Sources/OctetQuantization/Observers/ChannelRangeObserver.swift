import OctetNN
import OctetTensor

/// The base of observers that keep a pair of extremes for each channel.
///
/// State: `min_val` and `max_val`, float32 of shape [C], [0] before the first batch; loading takes any length.
open class ChannelRangeObserver: RangeObserver {
  /// The axis of channels; negative ones count from the end.
  public let chAxis: Int

  /// The smallest value of each channel so far.
  public let minVal = Buffer(RangeObserver.vector([]))

  /// The largest value of each channel so far.
  public let maxVal = Buffer(RangeObserver.vector([]))

  /// An observer with checked arguments.
  package init(_ settings: RangeSettings, chAxis: Int) {
    self.chAxis = chAxis
    super.init(settings)
  }

  static func check(
    _ observer: String, dtype: DType, scheme: QScheme, reduceRange: Bool, quantMin: Int?,
    quantMax: Int?, eps: Float, isDynamic: Bool
  ) throws(OctetError) -> RangeSettings {
    if isDynamic { throw Self.refusesDynamic(observer) }
    return try RangeSettings(
      observer, dtype: dtype, scheme: scheme, isPerChannel: true, reduceRange: reduceRange,
      quantMin: quantMin, quantMax: quantMax, eps: eps, isDynamic: false)
  }

  open override var axis: Int { chAxis }

  open override func observe(_ input: Tensor) throws {
    guard let values = try values(of: input) else { return }
    guard let axis = Shapes.normalize(axis: chAxis, rank: input.rank) else {
      throw OctetError(
        .outOfRange, operation: "\(type(of: self))", argument: "ch_axis",
        expected: "an axis of shape \(input.shape)", received: "ch_axis \(chAxis)")
    }
    let old = try extremes()
    guard old.isEmpty || old.count == input.shape[axis] else {
      throw OctetError(
        .shapeMismatch, operation: "\(type(of: self))", argument: "input",
        expected: "\(old.count) channels on axis \(axis), as seen before",
        received: "shape \(input.shape)", fix: "reset the observer")
    }
    let found = try rangesOfBatch(values, axis: axis)
    store(
      old.isEmpty
        ? found : zip(old, found).map { $1 == Extremes() ? $0 : combine($0, $1) })
  }

  /// What a channel's extremes become.
  func combine(_ old: Extremes, _ new: Extremes) -> Extremes {
    var merged = old
    merged.merge(new)
    return merged
  }

  /// The extremes that state holds, one for each channel.
  final func extremes() throws(OctetError) -> [Extremes] {
    let low: [Float] = try minVal.value.elements()
    let high: [Float] = try maxVal.value.elements()
    return zip(low, high).map { Extremes(min: $0, max: $1) }
  }

  private func store(_ extremes: [Extremes]) {
    minVal.value = Self.vector(extremes.map(\.min))
    maxVal.value = Self.vector(extremes.map(\.max))
  }

  open override var hasObserved: Bool { minVal.value.count > 0 }

  open override func calculateParameters() throws -> QuantizationParameters {
    let extremes = try self.extremes()
    if extremes.isEmpty { return unobservedParameters }
    return try parameters(extremes.map(\.min), extremes.map(\.max), axis: chAxis)
  }

  open override func reset() {
    super.reset()
    store([])
  }

  open override func acceptsAnyShape(_ name: String) -> Bool {
    name == "min_val" || name == "max_val"
  }

  open override func checkOwnState(_ state: [String: Tensor]) throws {
    let low = state["min_val"] ?? minVal.value
    let high = state["max_val"] ?? maxVal.value
    guard low.rank == 1, low.shape == high.shape else {
      throw OctetError(
        .stateMismatch, operation: "load_state_dict", argument: "min_val",
        expected: "min_val and max_val of one shape [C]",
        received: "shapes \(low.shape) and \(high.shape)")
    }
  }
}

extension RangeObserver {
  /// The refusal of observers that can't choose parameters at run time.
  static func refusesDynamic(_ observer: String) -> OctetError {
    OctetError(
      .invalidConfiguration, operation: observer, argument: "is_dynamic",
      expected: "false: this observer doesn't support dynamic quantization", received: "true",
      fix: "use PlaceholderObserver or MinMaxObserver")
  }
}
