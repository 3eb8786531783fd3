import OctetTensor

/// Recipes from a class name and arguments under torch's names.
enum ObserverRecipes {
  /// The recipe for `name` with the arguments that are there.
  static func make(_ name: String, _ arguments: ParityAttributes) throws -> ObserverFactory {
    switch name {
    case "FakeQuantize":
      return try FakeQuantize.factory(observer: observer(of: arguments))
    case "FusedMovingAvgObsFakeQuantize":
      return try FusedMovingAvgObsFakeQuantize.factory(
        observer: observer(of: arguments, low: 0, high: 255))
    case "FixedQParamsFakeQuantize":
      return try FixedQParamsFakeQuantize.factory(observer: fixed(arguments))
    case "FixedQParamsObserver": return try fixed(arguments)
    case "PlaceholderObserver":
      return try PlaceholderObserver.factory(
        dtype: arguments.optionalDType("dtype") ?? .float32,
        quantMin: arguments.optionalInt("quant_min"), quantMax: arguments.optionalInt("quant_max"),
        scheme: arguments.optionalScheme() ?? .perTensorAffine,
        isDynamic: arguments.bool("is_dynamic", default: false))
    case "NoopObserver":
      return try NoopObserver.factory(dtype: arguments.optionalDType("dtype") ?? .float16)
    case "RecordingObserver":
      return try RecordingObserver.factory(dtype: arguments.optionalDType("dtype") ?? .quint8)
    default: return try ranged(name, RangeArguments(arguments), arguments)
    }
  }

  /// The observer inside a fake quantizer; the integer range is the fake quantizer's own argument, with its own defaults.
  private static func observer(
    of arguments: ParityAttributes, low: Int? = nil, high: Int? = nil
  ) throws -> ObserverFactory {
    var range = try RangeArguments(arguments)
    range.low = range.low ?? low
    range.high = range.high ?? high
    return try ranged(
      arguments.string("observer", default: "MovingAverageMinMaxObserver"), range, arguments)
  }

  private static func fixed(_ arguments: ParityAttributes) throws -> ObserverFactory {
    try FixedQParamsObserver.factory(
      scale: arguments.double("scale"), zeroPoint: arguments.int("zero_point"),
      dtype: arguments.optionalDType("dtype") ?? .quint8,
      scheme: arguments.optionalScheme() ?? .perTensorAffine,
      quantMin: arguments.int("quant_min", default: 0),
      quantMax: arguments.int("quant_max", default: 255))
  }

  /// The arguments that observers of ranges share.
  private struct RangeArguments {
    let dtype: DType
    let scheme: QScheme?
    let reduceRange: Bool
    var low: Int?
    var high: Int?
    let eps: Float
    let isDynamic: Bool

    init(_ arguments: ParityAttributes) throws(OctetError) {
      dtype = try arguments.optionalDType("dtype") ?? .quint8
      scheme = try arguments.optionalScheme()
      reduceRange = try arguments.bool("reduce_range", default: false)
      low = try arguments.optionalInt("quant_min")
      high = try arguments.optionalInt("quant_max")
      eps = Float(try arguments.double("eps", default: Double(RangeSettings.defaultEps)))
      isDynamic = try arguments.bool("is_dynamic", default: false)
    }
  }

  private static func ranged(
    _ name: String, _ range: RangeArguments, _ arguments: ParityAttributes
  ) throws -> ObserverFactory {
    let weight = try arguments.double("averaging_constant", default: 0.01)
    let axis = try arguments.int("ch_axis", default: 0)
    let perTensor = range.scheme ?? .perTensorAffine
    let perChannel = range.scheme ?? .perChannelAffine
    switch name {
    case "MinMaxObserver":
      return try MinMaxObserver.factory(
        dtype: range.dtype, scheme: perTensor, reduceRange: range.reduceRange,
        quantMin: range.low, quantMax: range.high, eps: range.eps, isDynamic: range.isDynamic)
    case "MovingAverageMinMaxObserver":
      return try MovingAverageMinMaxObserver.factory(
        averagingConstant: weight, dtype: range.dtype, scheme: perTensor,
        reduceRange: range.reduceRange, quantMin: range.low, quantMax: range.high, eps: range.eps,
        isDynamic: range.isDynamic)
    case "PerChannelMinMaxObserver":
      return try PerChannelMinMaxObserver.factory(
        chAxis: axis, dtype: range.dtype, scheme: perChannel, reduceRange: range.reduceRange,
        quantMin: range.low, quantMax: range.high, eps: range.eps, isDynamic: range.isDynamic)
    case "MovingAveragePerChannelMinMaxObserver":
      return try MovingAveragePerChannelMinMaxObserver.factory(
        averagingConstant: weight, chAxis: axis, dtype: range.dtype, scheme: perChannel,
        reduceRange: range.reduceRange, quantMin: range.low, quantMax: range.high, eps: range.eps,
        isDynamic: range.isDynamic)
    case "HistogramObserver":
      return try HistogramObserver.factory(
        bins: arguments.int("bins", default: 2048), dtype: range.dtype, scheme: perTensor,
        reduceRange: range.reduceRange, quantMin: range.low, quantMax: range.high, eps: range.eps,
        isDynamic: range.isDynamic)
    default:
      throw OctetError(
        .invalidConfiguration, operation: ParityAttributes.operation, argument: "attrs.observer",
        expected: "the name of an observer", received: name)
    }
  }
}
