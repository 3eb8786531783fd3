import OctetTensor

/// The checked arguments that observers of ranges share.
public struct RangeSettings: Sendable, Equatable {
  /// float32's distance from 1 to the next number, torch's default for `eps`.
  public static let defaultEps: Float = 0x1p-23

  /// What the parameters quantize to.
  public let dtype: DType
  /// How scales are shared.
  public let scheme: QScheme
  /// One bit less than the type has, so that 16-bit sums of products can't saturate. Off, torch's default.
  public let reduceRange: Bool
  /// The smallest integer in use.
  public let quantMin: Int
  /// The largest integer in use.
  public let quantMax: Int
  /// True when the caller chose the range.
  public let hasCustomRange: Bool
  /// The smallest scale.
  public let eps: Float
  /// True when parameters are chosen anew for every input, at run time.
  public let isDynamic: Bool
  private let givenRange: ClosedRange<Int>?

  /// Element types that observers calculate parameters for.
  private static let allowedDTypes: [DType] = [
    .qint8, .quint8, .quint4x2, .qint32, .int8, .uint8, .int16, .int32, .uint16,
  ]

  /// Takes arguments that are known to be right; whatever comes from outside goes through the checking initializer.
  package init(
    known dtype: DType, _ scheme: QScheme, reduceRange: Bool = false,
    range: ClosedRange<Int>? = nil, eps: Float = RangeSettings.defaultEps, isDynamic: Bool = false
  ) {
    self.dtype = dtype
    self.scheme = scheme
    self.reduceRange = reduceRange
    self.eps = eps
    self.isDynamic = isDynamic
    givenRange = range
    hasCustomRange = range != nil
    let full = range ?? dtype.integerRange ?? 0...15
    // Of the types' own ranges, only those of bytes have a halved form.
    let isByte = dtype.bitWidth == 8
    let isHalved = reduceRange && (range != nil || isByte)
    // An arithmetic shift halves towards minus infinity, as torch does.
    quantMin = isHalved ? full.lowerBound >> 1 : full.lowerBound
    quantMax = isHalved ? full.upperBound >> 1 : full.upperBound
  }

  /// Checks arguments for `observer`.
  ///
  /// - Parameters:
  ///   - observer: the class, for error messages.
  ///   - dtype: what the parameters quantize to.
  ///   - scheme: how scales are shared.
  ///   - isPerChannel: which schemes the observer takes.
  ///   - reduceRange: halves the range.
  ///   - quantMin: the smallest integer, together with `quantMax`; nil: the type's.
  ///   - quantMax: the largest integer.
  ///   - eps: the smallest scale.
  ///   - isDynamic: parameters chosen at run time.
  /// - Throws: `invalidConfiguration` naming the argument at fault.
  init(
    _ observer: String, dtype: DType, scheme: QScheme, isPerChannel: Bool, reduceRange: Bool,
    quantMin: Int?, quantMax: Int?, eps: Float, isDynamic: Bool
  ) throws(OctetError) {
    func refuse(_ argument: String, _ expected: String, _ received: String, _ fix: String = "")
      -> OctetError
    {
      OctetError(
        .invalidConfiguration, operation: observer, argument: argument, expected: expected,
        received: received, fix: fix)
    }
    guard scheme.isPerChannel == isPerChannel else {
      throw refuse(
        "qscheme", "a \(isPerChannel ? "per-channel" : "per-tensor") scheme", scheme.rawValue,
        "use \(isPerChannel ? "a tensor" : "a per-channel") observer for this scheme")
    }
    guard Self.allowedDTypes.contains(dtype) else {
      throw refuse(
        "dtype", "one of " + Self.allowedDTypes.map(\.rawValue).joined(separator: ", "),
        dtype.rawValue)
    }
    guard eps > 0, eps.isFinite else {
      throw refuse("eps", "a positive finite number", "\(eps)")
    }
    if scheme.isSymmetric, reduceRange, dtype == .quint8 || dtype == .uint8 {
      throw refuse(
        "reduce_range", "false for a symmetric scheme of \(dtype.rawValue)", "true",
        "use qint8, or an affine scheme")
    }
    let range = try Self.range(quantMin, quantMax, dtype, refuse)
    self.init(
      known: dtype, scheme, reduceRange: reduceRange, range: range, eps: eps, isDynamic: isDynamic)
    if self.quantMin >= self.quantMax {
      throw refuse(
        "reduce_range", "a range that can be halved",
        "quant_min \(quantMin ?? 0) and quant_max \(quantMax ?? 0)")
    }
  }

  private static func range(
    _ low: Int?, _ high: Int?, _ dtype: DType,
    _ refuse: (String, String, String, String) -> OctetError
  ) throws(OctetError) -> ClosedRange<Int>? {
    if low == nil && high == nil { return nil }
    guard let low, let high else {
      throw refuse(
        low == nil ? "quant_min" : "quant_max", "quant_min and quant_max together",
        "only one of them", "give both, or neither for the range of \(dtype.rawValue)")
    }
    guard low < high else {
      throw refuse("quant_min", "quant_min below quant_max", "\(low) and \(high)", "")
    }
    guard low <= 0, high >= 0 else {
      throw refuse("quant_min", "a quantization range that holds 0", "\(low)...\(high)", "")
    }
    guard let full = dtype.integerRange, full.contains(low), full.contains(high) else {
      throw refuse(
        "quant_min", "a quantization range inside that of \(dtype.rawValue)", "\(low)...\(high)",
        "use a wider dtype")
    }
    return low...high
  }

  /// The zero point of symmetric schemes: 0 for signed types, the middle for unsigned bytes and words.
  var symmetricZeroPoint: Int {
    switch dtype {
    case .quint8, .uint8: hasCustomRange ? (quantMin + quantMax) >> 1 : 128
    case .uint16: 32768
    default: 0
    }
  }

  /// The arguments that aren't their class's defaults, as torch writes them, for a factory's name.
  func arguments(defaultScheme: QScheme) -> [String] {
    var list: [String] = []
    if dtype != .quint8 { list.append("dtype=\(dtype.rawValue)") }
    if scheme != defaultScheme { list.append("qscheme=\(scheme.rawValue)") }
    if reduceRange { list.append("reduce_range=True") }
    if let givenRange {
      list.append("quant_min=\(givenRange.lowerBound)")
      list.append("quant_max=\(givenRange.upperBound)")
    }
    if eps != Self.defaultEps { list.append("eps=\(eps)") }
    if isDynamic { list.append("is_dynamic=True") }
    return list
  }
}
