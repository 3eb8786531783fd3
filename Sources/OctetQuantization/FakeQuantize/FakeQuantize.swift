import OctetNN
import OctetTensor

/// An observer whose parameters cover the integers `quantMin...quantMax`.
package protocol IntegerRanged: Observer {
  /// The smallest integer.
  var quantMin: Int { get }
  /// The largest integer.
  var quantMax: Int { get }
}

extension RangeObserver: IntegerRanged {
  /// The smallest integer.
  public var quantMin: Int { settings.quantMin }
  /// The largest integer.
  public var quantMax: Int { settings.quantMax }
}

extension FixedQParamsObserver: IntegerRanged {}

/// Rounds values to the grid that its observer's parameters make, while training. torch.ao.quantization.FakeQuantize.
///
/// Each call first lets the observer see the input and takes its parameters, then rounds with them; either half can be
/// switched off. State: the switches, `scale` float32 and `zero_point` int32 (float32 under real zero points) of shape [1]
/// or [C], and the observer's state under `activation_post_process`.
open class FakeQuantize: FakeQuantizeBase {
  /// Real values of one step: [1], or [C] once a per-channel observer has seen data.
  public let scale: Buffer
  /// As many as scales.
  public let zeroPoint: Buffer
  /// What follows ranges. torch's `activation_post_process`.
  public let observer: Observer

  /// A fake quantizer around an observer that is known to have a range of integers.
  package init(known observer: Observer, hasWideFlags: Bool = false) {
    self.observer = observer
    if let fixed = observer as? FixedQParamsObserver {
      scale = fixed.scale
      zeroPoint = fixed.zeroPoint
    } else {
      scale = Buffer(RangeObserver.vector([1]))
      let hasRealZeroPoints = observer.scheme == .perChannelAffineFloatQParams
      zeroPoint = Buffer(Self.zeroPoints(hasRealZeroPoints ? .real([0]) : .integer([0])))
    }
    super.init(
      dtype: observer.dtype, isDynamic: observer.isDynamic, hasWideFlags: hasWideFlags)
  }

  open override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    FakeQuantize(known: try copier(observer))
  }

  /// A fake quantizer around what `observer` makes; torch's `quant_min`, `quant_max` and observer arguments are those of the
  /// recipe.
  ///
  /// - Throws: `invalidConfiguration` when the observer calculates no parameters.
  public convenience init(observer: ObserverFactory = .movingAverage) throws(OctetError) {
    try Self.check(observer, "FakeQuantize")
    self.init(known: observer())
  }

  /// A recipe for such fake quantizers. torch's `FakeQuantize.with_args`.
  ///
  /// - Throws: `invalidConfiguration` when the observer calculates no parameters.
  open class func factory(observer: ObserverFactory = .movingAverage) throws(OctetError)
    -> ObserverFactory
  {
    try check(observer, "FakeQuantize")
    return .fakeQuantize(observer)
  }

  private static func check(_ observer: ObserverFactory, _ name: String) throws(OctetError) {
    guard observer() is any IntegerRanged else {
      throw OctetError(
        .invalidConfiguration, operation: name, argument: "observer",
        expected: "an observer that calculates parameters", received: observer.name)
    }
  }

  /// A tensor of zero points, shape [count].
  static func zeroPoints(_ zeroPoints: QuantizationParameters.ZeroPoints) -> Tensor {
    switch zeroPoints {
    case .real(let zeros): return RangeObserver.vector(zeros)
    case .integer(let zeros):
      let words = zeros.map { Int32(clamping: $0) }
      let storage = Storage(byteCount: words.count * 4)
      words.withUnsafeBytes { storage.fill(from: $0) }
      return Tensor(
        storage: storage, offset: 0, shape: [words.count], strides: [1], dtype: .int32,
        quantizer: nil)
    }
  }

  open override func ownChildren() -> [(name: String, module: Module)] {
    [("activation_post_process", observer)]
  }

  open override var scheme: QScheme? { observer.scheme }

  open override var axis: Int { observer.axis }

  open override var hasObserved: Bool { observer.hasObserved }

  open override func forward(_ input: Tensor) throws -> Tensor {
    if followsRanges {
      try observer.observe(input)
      let parameters = try calculateParameters()
      scale.value = RangeObserver.vector(parameters.scales)
      zeroPoint.value = Self.zeroPoints(parameters.zeroPoints)
    }
    return roundsValues ? try apply(rounding(), [input]) : input
  }

  /// The operator that rounds with the parameters in the buffers.
  final func rounding() throws(OctetError) -> FakeQuantization {
    guard let range = observer as? any IntegerRanged else {
      throw OctetError(
        .notObserved, operation: "\(type(of: self))", argument: "observer",
        expected: "an observer that calculates parameters", received: "\(type(of: observer))")
    }
    let isPerChannel = scheme?.isPerChannel == true
    return try FakeQuantization(
      isPerChannel ? "fake_quantize_per_channel_affine" : "fake_quantize_per_tensor_affine",
      scale: scale.value, zeroPoint: zeroPoint.value, axis: isPerChannel ? axis : nil,
      quantMin: range.quantMin, quantMax: range.quantMax)
  }

  /// The gradient with respect to the input of the last call, at that input: `upstream` where values were inside the range.
  package final func gradient(_ upstream: Tensor, at input: Tensor) throws(OctetError) -> Tensor {
    roundsValues ? try rounding().gradient(upstream, at: input) : upstream
  }

  open override func calculateParameters() throws -> QuantizationParameters {
    try observer.calculateParameters()
  }

  open override func acceptsAnyShape(_ name: String) -> Bool {
    name == "scale" || name == "zero_point"
  }

  open override func checkOwnState(_ state: [String: Tensor]) throws {
    let scales = state["scale"] ?? scale.value
    let zeros = state["zero_point"] ?? zeroPoint.value
    guard scales.rank == 1, scales.shape == zeros.shape else {
      throw OctetError(
        .stateMismatch, operation: "load_state_dict", argument: "scale",
        expected: "scale and zero_point of one shape [C]",
        received: "shapes \(scales.shape) and \(zeros.shape)")
    }
  }
}

extension ObserverFactory {
  /// A moving average over quint8 with torch's defaults: what fake quantizers follow when nothing else is said.
  public static let movingAverage = movingAverageMinMax(
    RangeSettings(known: .quint8, .perTensorAffine))

  /// A recipe around one that has been checked.
  static func fakeQuantize(_ observer: ObserverFactory) -> ObserverFactory {
    ObserverFactory(class: "FakeQuantize", arguments: ["observer=\(observer.name)"]) {
      FakeQuantize(known: observer())
    }
  }
}
