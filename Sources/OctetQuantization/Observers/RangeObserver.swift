import OctetNN
import OctetTensor

/// The base of observers that calculate parameters from a range of values.
/// torch.ao.quantization.observer.UniformQuantizationObserverBase.
///
/// Until the first batch, `calculateParameters` gives scale 1 and zero point 0. Non-finite values are counted in
/// `nonFinite`; observers of extremes keep them, as torch does, and refuse to calculate parameters from them, so no scale
/// is ever zero, NaN or infinite.
open class RangeObserver: Observer {
  /// The checked arguments.
  public let settings: RangeSettings

  /// The smallest scale, shape [1].
  public let eps: Buffer

  /// Non-finite values seen since the last reset.
  public internal(set) var nonFinite = NonFiniteValues()

  /// Batches seen since the last reset, empty ones not counted.
  public internal(set) var batchCount = 0

  /// What NaN and infinities do to the range; as in torch unless it is changed. Histograms leave infinities out either way.
  public var nonFinitePolicy: NonFinitePolicy = .propagate

  /// An observer with checked arguments.
  public init(_ settings: RangeSettings) {
    self.settings = settings
    eps = Buffer(Self.vector([settings.eps]))
    super.init(dtype: settings.dtype, isDynamic: settings.isDynamic)
  }

  /// How scales are shared.
  open override var scheme: QScheme? { settings.scheme }

  /// Forgets what was seen. torch's `reset_min_max_vals`.
  open func reset() {
    nonFinite = NonFiniteValues()
    batchCount = 0
  }

  /// This new observer, counting on from another one.
  final func continuing(_ other: RangeObserver) -> Self {
    nonFinite = other.nonFinite
    batchCount = other.batchCount
    nonFinitePolicy = other.nonFinitePolicy
    return self
  }

  /// The input as float32, nil when it is empty.
  ///
  /// - Throws: `quantizationMismatch` for quantized tensors.
  func values(of input: Tensor) throws(OctetError) -> Tensor? {
    if input.isQuantized {
      throw OctetError(
        .quantizationMismatch, operation: "\(type(of: self))", argument: "input",
        expected: "a float tensor", received: "a quantized one (\(input.dtype.rawValue))",
        fix: "observe the tensor before it is quantized")
    }
    return input.count == 0 ? nil : try input.converted(to: .float32)
  }

  /// Counts non-finite values when the extremes show that there are some.
  func note(_ values: Tensor, _ extremes: [Extremes]) throws(OctetError) {
    defer { batchCount += 1 }
    if extremes.allSatisfy({ $0.min.isFinite && $0.max.isFinite }) { return }
    let batch = batchCount
    try values.contiguous().withElements(Float.self) { nonFinite.add($0, batch: batch) }
  }

  /// The scale that parameters may not fall below, as state has it.
  func smallestScale() throws(OctetError) -> Float {
    let value = Float(try eps.value.item())
    guard value > 0, value.isFinite else {
      throw OctetError(
        .invalidQuantizer, operation: "calculate_qparams", argument: "eps",
        expected: "a positive finite number", received: "\(value)")
    }
    return value
  }

  /// Parameters by the observers' rule for these extremes.
  ///
  /// - Throws: `invalidQuantizer` when an extreme isn't finite or the two are the wrong way round.
  func parameters(_ minima: [Float], _ maxima: [Float], axis: Int?) throws(OctetError)
    -> QuantizationParameters
  {
    let eps = try smallestScale()
    for (low, high) in zip(minima, maxima) {
      guard low <= high, low.isFinite, high.isFinite else {
        throw OctetError(
          .invalidQuantizer, operation: "calculate_qparams", argument: "min_val",
          expected: "a finite range", received: "\(low) to \(high)",
          fix: nonFinite.count > 0
            ? "the data held \(nonFinite.words): repair the layer that produces them" : "")
      }
    }
    return chosenParameters(zip(minima, maxima).map { Extremes(min: $0, max: $1) }, axis, eps)
  }

  private func chosenParameters(_ ranges: [Extremes], _ axis: Int?, _ eps: Float)
    -> QuantizationParameters
  {
    let (low, high) = (settings.quantMin, settings.quantMax)
    let scales: [Float]
    let zeroPoints: QuantizationParameters.ZeroPoints
    switch settings.scheme {
    case .perTensorSymmetric, .perChannelSymmetric:
      scales = ranges.map {
        ParameterRules.symmetric(min: $0.min, max: $0.max, qmin: low, qmax: high, eps: eps)
      }
      zeroPoints = .integer(
        [Int](repeating: settings.symmetricZeroPoint, count: ranges.count))
    case .perTensorAffine, .perChannelAffine:
      let chosen = ranges.map {
        ParameterRules.affine(min: $0.min, max: $0.max, qmin: low, qmax: high, eps: eps)
      }
      scales = chosen.map(\.scale)
      zeroPoints = .integer(chosen.map(\.zeroPoint))
    case .perChannelAffineFloatQParams:
      let chosen = ranges.map {
        ParameterRules.real(min: $0.min, max: $0.max, qmin: low, qmax: high, eps: eps)
      }
      scales = chosen.map(\.scale)
      zeroPoints = .real(chosen.map(\.zeroPoint))
    }
    return QuantizationParameters(
      scales: scales, zeroPoints: zeroPoints, axis: axis, dtype: dtype)
  }

  /// Scale 1 and zero point 0: what parameters are before any data.
  var unobservedParameters: QuantizationParameters {
    QuantizationParameters(
      scales: [1],
      zeroPoints: settings.scheme == .perChannelAffineFloatQParams ? .real([0]) : .integer([0]),
      axis: nil, dtype: dtype)
  }

  /// A float32 tensor of shape [count].
  static func vector(_ values: [Float]) -> Tensor {
    let storage = Storage(byteCount: values.count * 4)
    values.withUnsafeBytes { storage.fill(from: $0) }
    return Tensor(
      storage: storage, offset: 0, shape: [values.count], strides: [1], dtype: .float32,
      quantizer: nil)
  }
}
