import OctetNN
import OctetTensor

/// Passes values on, and calculates parameters from those of other observers.
final class DerivedObserver: Observer, IntegerRanged {
  let quantMin: Int
  let quantMax: Int
  private let sources: [Observer]
  private let derive: ([Observer]) throws -> QuantizationParameters

  init(
    from sources: [Observer], dtype: DType, range: ClosedRange<Int>,
    derive: @escaping ([Observer]) throws -> QuantizationParameters
  ) {
    self.sources = sources
    self.derive = derive
    quantMin = range.lowerBound
    quantMax = range.upperBound
    super.init(dtype: dtype)
  }

  override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    DerivedObserver(
      from: try sources.map { try copier($0) }, dtype: dtype, range: quantMin...quantMax,
      derive: derive)
  }

  /// The others belong to whoever holds them.
  override func ownChildren() -> [(name: String, module: Module)] { [] }

  override var hasObserved: Bool { sources.allSatisfy(\.hasObserved) }

  override func calculateParameters() throws -> QuantizationParameters {
    var parameters = try derive(sources)
    parameters.dtype = dtype
    return parameters
  }
}

extension Observer {
  /// The integers that parameters are for; nil for types that aren't integers.
  var integerRange: ClosedRange<Int>? {
    switch self {
    case let ranged as any IntegerRanged: ranged.quantMin...ranged.quantMax
    case let rounding as FakeQuantize: rounding.observer.integerRange
    case let placeholder as PlaceholderObserver: placeholder.integersInUse
    default: dtype.integerRange
    }
  }
}

extension PlaceholderObserver {
  fileprivate var integersInUse: ClosedRange<Int>? {
    guard let whole = dtype.integerRange else { return nil }
    let (low, high) = (quantMin ?? whole.lowerBound, quantMax ?? whole.upperBound)
    return low <= high ? low...high : whole
  }
}
