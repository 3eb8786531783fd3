import COctet
import Synchronization

/// What packed linear and convolution weights share: the canonical weight and bias, and a cache of what depends on the CPU and
/// on the activations.
///
/// The weights stay as they were given; packed bytes are made on first use and never written to files.
final class PackedWeights: Sendable {
  /// qint8 or quint8, contiguous, per tensor or per channel along the outputs' axis.
  let weight: Tensor
  /// float32 `[O]`, nil for none.
  let bias: Tensor?

  private let scales: [Double]
  /// The scales in float32.
  let realScales: [Float]
  /// nil when all are 0.
  private let zeroPoints: [Int32]?
  let biasValues: [Float]?
  private let operation: String

  private struct Cache {
    var packed: [DType: PackedBytes] = [:]
    var stage: (key: OutputStage.Key, stage: OutputStage)?
  }
  private let cache = Mutex(Cache())

  /// Checks the weight's type and scheme, and the bias against the number of outputs.
  ///
  /// - Parameters:
  ///   - axis: the weight's dimension that counts outputs.
  ///   - groups: how many times that dimension stands for outputs of its own: transposed weights `[C, O/groups, kernel...]`.
  init(weight: Tensor, bias: Tensor?, axis: Int = 0, groups: Int = 1, operation: String)
    throws(OctetError)
  {
    guard let quantizer = weight.quantizer, [.qint8, .quint8].contains(weight.dtype) else {
      throw OctetError(
        weight.isQuantized ? .dtypeMismatch : .quantizationMismatch, operation: operation,
        argument: "weight", expected: "a quantized weight of dtype qint8",
        received: "dtype \(weight.dtype.rawValue)")
    }
    guard quantizer.axis ?? axis == axis, quantizer.scheme != .perChannelAffineFloatQParams else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "weight",
        expected:
          "a per-tensor scheme, or per-channel along axis \(axis) with integer zero points",
        received: "\(quantizer.scheme.rawValue) along axis \(quantizer.axis ?? axis)",
        fix: axis == 0 ? "" : "choose a per-tensor weight observer, or one whose axis is \(axis)")
    }
    if let bias {
      let shape = weight.shape[axis..<axis + 1].map { $0 * groups }
      guard bias.dtype == .float32, bias.shape == shape else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: "bias",
          expected: "float32 of shape \(shape)",
          received: "\(bias.dtype.rawValue) of shape \(bias.shape)")
      }
    }
    self.weight = try weight.contiguous()
    self.bias = bias
    self.operation = operation
    biasValues = try bias?.elements(as: Float.self)
    (scales, zeroPoints) = Self.parameters(quantizer, groups: groups)
    realScales = scales.map(Float.init)
  }

  private static func parameters(_ quantizer: Quantizer, groups: Int) -> ([Double], [Int32]?) {
    func forAll<Value>(_ list: [Value]) -> [Value] {
      Array(repeatElement(list, count: groups).joined())
    }
    return switch quantizer.parameters {
    case .perTensor(let scale, let zero): ([scale], zero == 0 ? nil : [Int32(zero)])
    case .perChannel(let scales, let zeros, _):
      (forAll(scales), zeros.allSatisfy { $0 == 0 } ? nil : forAll(zeros.map(Int32.init)))
    case .perChannelFloat(let scales, _, _): (scales.map(Double.init), nil)
    }
  }

  /// The weights' scales rounded to float32.
  var floatScales: [Float] { scales.map { Float($0) } }

  /// The output stage of a call, kept for the next one with the same input scale and output.
  func stage(_ key: OutputStage.Key) -> OutputStage {
    cache.withLock { cache in
      if let (known, stage) = cache.stage, known == key { return stage }
      let stage = OutputStage(key, weightScales: scales, bias: biasValues)
      cache.stage = (key, stage)
      return stage
    }
  }

  /// The bytes packed for activations of a type.
  ///
  /// - Parameters:
  ///   - size: asks the C library how many bytes packing takes, given zero points and their number.
  ///   - pack: packs into a buffer.
  func packed(
    for dtype: DType,
    size: (UnsafePointer<Int32>?, Int, inout Int) -> oct_status,
    pack: (UnsafePointer<Int32>?, Int, UnsafeMutableRawBufferPointer) -> oct_status
  ) throws(OctetError) -> PackedBytes {
    if let known = cache.withLock({ $0.packed[dtype] }) { return known }
    var byteCount = 0
    try Kernel.check(withZeroPoints { size($0, $1, &byteCount) }, operation)
    let fresh = PackedBytes(count: byteCount)
    try Kernel.check(withZeroPoints { pack($0, $1, fresh.buffer) }, operation)
    return cache.withLock { cache in
      if let known = cache.packed[dtype] { return known }
      cache.packed[dtype] = fresh
      return fresh
    }
  }

  /// Lets go of packed bytes; the next call packs again.
  func releaseCache() { cache.withLock { $0 = Cache() } }

  private func withZeroPoints<Result>(_ body: (UnsafePointer<Int32>?, Int) -> Result) -> Result {
    guard let zeroPoints else { return body(nil, 0) }
    return zeroPoints.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
  }
}

/// Aligned bytes that the C library packed.
final class PackedBytes: @unchecked Sendable {
  // Written once, before anybody else sees it.
  let buffer: UnsafeMutableRawBufferPointer

  init(count: Int) {
    buffer = .allocate(byteCount: max(count, 1), alignment: Int(OCT_ALIGNMENT))
  }

  deinit { buffer.deallocate() }
}
