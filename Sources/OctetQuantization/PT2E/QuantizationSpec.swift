import OctetGraph
import OctetTensor

/// A value on its way into one step, or as it leaves the step that makes it. torch.ao.quantization.quantizer.EdgeOrNode.
public enum EdgeOrNode: Hashable {
  /// What a node reads.
  case edge(Value, Node)
  /// What a node makes.
  case node(Node)
}

/// How a value of a captured graph is quantized: `QuantizationSpec`, `SharedQuantizationSpec`, `FixedQParamsQuantizationSpec` or
/// `DerivedQuantizationSpec`. torch.ao.quantization.quantizer.QuantizationSpecBase.
public protocol QuantizationSpecBase {}

/// A value that an observer of its own watches. torch.ao.quantization.quantizer.QuantizationSpec.
public struct QuantizationSpec: QuantizationSpecBase, Sendable, Equatable {
  /// A recipe for the observer or fake quantizer; type, range, scheme and channel axis are the observer's.
  public let observer: ObserverFactory
  /// What the value is quantized to.
  public let dtype: DType
  /// The integers in use; nil for types that aren't integers.
  public let range: ClosedRange<Int>?
  /// How scales are shared.
  public let scheme: QScheme?
  /// The channel axis of per-channel schemes.
  public let chAxis: Int
  /// True when parameters are chosen anew for every input.
  public let isDynamic: Bool

  /// A specification.
  ///
  /// - Throws: `invalidConfiguration` for a channel axis that is counted from the end: values of any rank may be observed.
  public init(_ observer: ObserverFactory) throws(OctetError) {
    let example = observer()
    guard example.axis >= 0 else {
      throw OctetError(
        .invalidConfiguration, operation: "QuantizationSpec", argument: "ch_axis",
        expected: "a channel axis counted from 0", received: "\(example.axis)",
        fix: "add the number of dimensions to the axis")
    }
    self.observer = observer
    dtype = example.dtype
    range = example.integerRange
    scheme = example.scheme
    chAxis = example.axis
    isDynamic = example.isDynamic
  }

  /// True when values quantized by one are as those quantized by the other, whatever calculates the parameters: what implicit sharing
  /// asks.
  func quantizesAs(_ other: QuantizationSpec) -> Bool {
    dtype == other.dtype && range == other.range && scheme == other.scheme
      && chAxis == other.chAxis && isDynamic == other.isDynamic
  }
}

/// A value with the observer of another one. torch.ao.quantization.quantizer.SharedQuantizationSpec.
public struct SharedQuantizationSpec: QuantizationSpecBase {
  /// Whose observer it is.
  public let with: EdgeOrNode

  /// Shares the observer of an edge or node that is annotated itself.
  public init(_ with: EdgeOrNode) { self.with = with }
}

/// A value whose scale and zero point are known beforehand, whatever passes: outputs of sigmoid, tanh, softmax.
/// torch.ao.quantization.quantizer.FixedQParamsQuantizationSpec.
public struct FixedQParamsQuantizationSpec: QuantizationSpecBase, Sendable, Equatable {
  /// The real value of one step.
  public let scale: Double
  /// The integer that stands for 0.
  public let zeroPoint: Int
  /// What the value is quantized to.
  public let dtype: DType
  /// A recipe for a `FixedQParamsObserver` of these values.
  let observer: ObserverFactory

  /// A specification; bounds that are nil are the type's.
  ///
  /// - Throws: `invalidConfiguration` when the scale isn't positive and finite, the bounds don't fit the type, the zero point lies
  ///   outside of them, or the scheme is per channel.
  public init(
    dtype: DType, scale: Double, zeroPoint: Int, quantMin: Int? = nil, quantMax: Int? = nil,
    scheme: QScheme = .perTensorAffine
  ) throws(OctetError) {
    guard let range = dtype.integerRange else {
      throw OctetError(
        .invalidConfiguration, operation: "FixedQParamsQuantizationSpec", argument: "dtype",
        expected: "an integer dtype", received: dtype.rawValue, fix: "choose int8 or uint8")
    }
    observer = try FixedQParamsObserver.factory(
      scale: scale, zeroPoint: zeroPoint, dtype: dtype, scheme: scheme,
      quantMin: quantMin ?? range.lowerBound, quantMax: quantMax ?? range.upperBound)
    self.dtype = dtype
    self.scale = scale
    self.zeroPoint = zeroPoint
  }
}

/// A value whose parameters follow from those of others: a bias in steps of the input's scale times the weight's.
/// torch.ao.quantization.quantizer.DerivedQuantizationSpec.
public struct DerivedQuantizationSpec: QuantizationSpecBase {
  /// Whose observers are asked, in this order.
  public let derivedFrom: [EdgeOrNode]
  /// What the value is quantized to.
  public let dtype: DType
  /// The integers in use.
  public let range: ClosedRange<Int>
  /// Calculates the parameters, given the observers.
  public let derive: ([Observer]) throws -> QuantizationParameters

  /// A specification; bounds that are nil are the type's.
  ///
  /// - Throws: `invalidConfiguration` for a type without integers, or bounds that don't fit it.
  public init(
    derivedFrom: [EdgeOrNode], dtype: DType, quantMin: Int? = nil, quantMax: Int? = nil,
    derive: @escaping ([Observer]) throws -> QuantizationParameters
  ) throws(OctetError) {
    let whole = dtype.integerRange ?? 0...0
    let (low, high) = (quantMin ?? whole.lowerBound, quantMax ?? whole.upperBound)
    guard dtype.integerRange != nil, low < high, whole.contains(low), whole.contains(high) else {
      throw OctetError(
        .invalidConfiguration, operation: "DerivedQuantizationSpec", argument: "quant_min",
        expected: "an integer dtype, and bounds that fit it",
        received: "\(dtype.rawValue), \(low) and \(high)")
    }
    self.derivedFrom = derivedFrom
    self.dtype = dtype
    range = low...high
    self.derive = derive
  }

  init(
    _ derivedFrom: [EdgeOrNode], _ dtype: DType, _ range: ClosedRange<Int>,
    _ derive: @escaping ([Observer]) throws -> QuantizationParameters
  ) {
    self.derivedFrom = derivedFrom
    self.dtype = dtype
    self.range = range
    self.derive = derive
  }
}
