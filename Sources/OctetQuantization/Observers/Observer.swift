import OctetNN
import OctetTensor

/// Scales and zero points that an observer or fake quantizer calculated, one or one per channel.
public struct QuantizationParameters: Sendable, Equatable {
  /// Zero points: integers, or reals under `perChannelAffineFloatQParams`.
  public enum ZeroPoints: Sendable, Equatable {
    /// Integers inside the range of the element type.
    case integer([Int])
    /// Reals.
    case real([Float])
  }

  /// Real values of one step, as torch's float32 buffers hold them.
  public var scales: [Float]
  /// As many as scales.
  public var zeroPoints: ZeroPoints
  /// The channel axis, nil per tensor.
  public var axis: Int?
  /// What the parameters quantize to.
  public var dtype: DType

  /// Puts parameters together.
  public init(scales: [Float], zeroPoints: ZeroPoints, axis: Int?, dtype: DType) {
    self.scales = scales
    self.zeroPoints = zeroPoints
    self.axis = axis
    self.dtype = dtype
  }

  /// The quantizer of a tensor of `shape`.
  ///
  /// - Throws: `invalidQuantizer` when the parameters don't fit the shape or aren't legal.
  public func quantizer(for shape: [Int]) throws(OctetError) -> Quantizer {
    switch (axis, zeroPoints) {
    case (nil, .integer(let zeros)):
      return try Quantizer(
        scale: Double(scales.first ?? 0), zeroPoint: zeros.first ?? 0, dtype: dtype)
    case (let axis?, .integer(let zeros)):
      return try Quantizer(
        scales: scales.map(Double.init), zeroPoints: zeros, axis: axis, shape: shape, dtype: dtype)
    case (let axis, .real(let zeros)):
      return try Quantizer(
        scales: scales, floatZeroPoints: zeros, axis: axis ?? 0, shape: shape, dtype: dtype)
    }
  }
}

/// Watches tensors that pass and calculates quantization parameters for them; gives its input back unchanged.
///
/// The base of observers and fake quantizers. torch.ao.quantization.ObserverBase.
open class Observer: Module {
  /// What the parameters are for.
  public let dtype: DType
  /// True when parameters are chosen anew for every input, at run time.
  public let isDynamic: Bool

  /// An observer for `dtype`.
  public init(dtype: DType, isDynamic: Bool = false) {
    self.dtype = dtype
    self.isDynamic = isDynamic
  }

  /// How scales are shared; nil for observers that calculate none.
  open var scheme: QScheme? { nil }

  /// The channel axis of per-channel schemes.
  open var axis: Int { 0 }

  /// Observes the input and gives it back unchanged.
  open override func forward(_ input: Tensor) throws -> Tensor {
    try observe(input)
    return input
  }

  /// Takes one more batch into account. Observers that collect nothing leave it as it is.
  open func observe(_ input: Tensor) throws {}

  /// False when the parameters come from data and none has been seen: what `calculateParameters` gives is a stand-in then.
  open var hasObserved: Bool { true }

  /// Parameters for what has been seen so far.
  ///
  /// - Throws: `notObserved` for observers that calculate none.
  open func calculateParameters() throws -> QuantizationParameters {
    throw OctetError(
      .notObserved, operation: "calculate_qparams", expected: "an observer that collects ranges",
      received: "\(type(of: self))", fix: "choose an observer that calculates parameters")
  }
}

/// A recipe for observers, all alike: what a `QConfig` holds. torch's `Observer.with_args(...)`.
public struct ObserverFactory: Sendable {
  /// Class and arguments, as torch prints them: two factories are equal when these are.
  public let name: String
  private let make: @Sendable () -> Observer

  /// A recipe; `name` tells class and arguments.
  public init(_ name: String, _ make: @escaping @Sendable () -> Observer) {
    self.name = name
    self.make = make
  }

  /// A recipe for a class with arguments other than its defaults, each written as torch does.
  init(class name: String, arguments: [String], _ make: @escaping @Sendable () -> Observer) {
    self.init("\(name)(\(arguments.joined(separator: ", ")))", make)
  }

  /// A new observer.
  public func callAsFunction() -> Observer { make() }
}

extension ObserverFactory: Equatable {
  /// Same class and arguments. torch's `qconfig_equals` on one side.
  public static func == (a: ObserverFactory, b: ObserverFactory) -> Bool { a.name == b.name }
}
