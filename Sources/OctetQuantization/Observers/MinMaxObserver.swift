import OctetNN
import OctetTensor

/// Keeps the smallest and the largest value of everything that passed, and calculates parameters from them by the
/// observers' rule. torch.ao.quantization.MinMaxObserver.
///
/// State: `min_val` and `max_val`, float32 of shape [], +inf and -inf before the first batch. A NaN stays in both.
open class MinMaxObserver: RangeObserver {
  /// The smallest value so far.
  public let minVal = Buffer(Tensor(scalar: Float.infinity))

  /// The largest value so far.
  public let maxVal = Buffer(Tensor(scalar: -Float.infinity))

  /// An observer with checked arguments.
  package override init(_ settings: RangeSettings) { super.init(settings) }

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

  open override func observe(_ input: Tensor) throws {
    guard let values = try values(of: input) else { return }
    let found = try RangeScan.extremes(of: values)
    try note(values, [found])
    try update(found)
  }

  /// Takes a batch's extremes into account.
  func update(_ found: Extremes) throws {
    var extremes = try self.extremes()
    extremes.merge(found)
    store(extremes)
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

extension ObserverFactory {
  /// A recipe from arguments that have been checked.
  static func minMax(_ settings: RangeSettings) -> ObserverFactory {
    ObserverFactory(
      class: "MinMaxObserver", arguments: settings.arguments(defaultScheme: .perTensorAffine)
    ) { MinMaxObserver(settings) }
  }
}
