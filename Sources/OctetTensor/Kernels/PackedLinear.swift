import COctet
import Synchronization

/// Quantized weights `[N, K]` and a float bias, packed for the kernels when they are first used.
///
/// The weights stay as they were given; packed bytes are a cache that depends on the CPU and is never written to files.
package final class PackedLinear: Sendable {
  /// qint8 or quint8 `[N, K]`, per tensor or per channel along axis 0.
  package let weight: Tensor
  /// float32 `[N]`, nil for none.
  package let bias: Tensor?

  private let parameters: WeightParameters
  private let biasValues: [Float]?

  private struct Cache {
    var packed: [DType: PackedBytes] = [:]
    var stage: (key: StageKey, stage: OutputStage)?
  }
  private let cache = Mutex(Cache())

  /// What an output stage is made for.
  struct StageKey: Equatable {
    let inputScale: Double
    let dtype: DType
    let result: QuantizedResult
  }

  /// Checks the weights and the bias.
  package init(weight: Tensor, bias: Tensor?, operation: String = "linear_prepack")
    throws(OctetError)
  {
    guard let quantizer = weight.quantizer, [.qint8, .quint8].contains(weight.dtype) else {
      throw OctetError(
        weight.isQuantized ? .dtypeMismatch : .quantizationMismatch, operation: operation,
        argument: "weight", expected: "a quantized weight of dtype qint8",
        received: "dtype \(weight.dtype.rawValue)")
    }
    guard weight.rank == 2 else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "weight",
        expected: "shape [out_features, in_features]", received: "\(weight.shape)")
    }
    guard quantizer.axis ?? 0 == 0, quantizer.scheme != .perChannelAffineFloatQParams else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "weight",
        expected: "a per-tensor scheme, or per-channel along axis 0 with integer zero points",
        received: "\(quantizer.scheme.rawValue) along axis \(quantizer.axis ?? 0)")
    }
    if let bias {
      guard bias.dtype == .float32, bias.shape == [weight.shape[0]] else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: "bias",
          expected: "float32 of shape [\(weight.shape[0])]",
          received: "\(bias.dtype.rawValue) of shape \(bias.shape)")
      }
    }
    self.weight = try weight.contiguous()
    self.bias = bias
    parameters = WeightParameters(quantizer)
    biasValues = try bias?.elements(as: Float.self)
  }

  package var outFeatures: Int { weight.shape[0] }
  package var inFeatures: Int { weight.shape[1] }

  /// Multiplies a contiguous `[M, K]` view of `x`, whose integers stand for `scale * (q - zeroPoint)`, into `y`.
  func multiply(
    _ x: Tensor, rows: Int, scale: Double, zeroPoint: Int, result: QuantizedResult, into y: Tensor,
    operation: String
  ) throws(OctetError) {
    let bytes = try packed(for: x.dtype, operation: operation)
    let stage = stage(StageKey(inputScale: scale, dtype: y.dtype, result: result))
    var workspace = 0
    try Kernel.check(
      oct_gemm_workspace_size(bytes.buffer.baseAddress, bytes.buffer.count, rows, 0, &workspace),
      operation)
    try Kernel.run(workspace: workspace, operation) { run in
      stage.withOutput { output in
        var call = oct_gemm_call()
        call.struct_size = UInt32(MemoryLayout<oct_gemm_call>.size)
        call.m = rows
        call.a = UnsafeRawPointer(x.baseAddress)
        call.a_stride = inFeatures
        call.a_zero_point = Int32(zeroPoint)
        call.c = y.baseAddress
        call.c_stride = outFeatures
        call.output = output
        return oct_gemm(bytes.buffer.baseAddress, bytes.buffer.count, &call, run)
      }
    }
  }

  private func stage(_ key: StageKey) -> OutputStage {
    cache.withLock { cache in
      if let (known, stage) = cache.stage, known == key { return stage }
      let stage = OutputStage(key, parameters.scales, biasValues)
      cache.stage = (key, stage)
      return stage
    }
  }

  private func packed(for dtype: DType, operation: String) throws(OctetError) -> PackedBytes {
    if let known = cache.withLock({ $0.packed[dtype] }) { return known }
    let fresh = try pack(for: dtype, operation: operation)
    return cache.withLock { cache in
      if let known = cache.packed[dtype] { return known }
      cache.packed[dtype] = fresh
      return fresh
    }
  }

  private func pack(for dtype: DType, operation: String) throws(OctetError) -> PackedBytes {
    var description = oct_gemm_weights()
    description.struct_size = UInt32(MemoryLayout<oct_gemm_weights>.size)
    description.a_dtype = Kernel.type(of: dtype)
    description.b_dtype = Kernel.type(of: weight.dtype)
    description.n = outFeatures
    description.k = inFeatures
    description.b = UnsafeRawPointer(weight.baseAddress)
    description.stride_n = inFeatures
    description.stride_k = 1
    description.zero_point_count = parameters.zeroPoints?.count ?? 0
    let zeros = parameters.zeroPoints
    var byteCount = 0
    try Kernel.check(
      zeros.withOptionalPointer {
        description.zero_point = $0
        return oct_gemm_packed_size(&description, &byteCount)
      }, operation)
    let bytes = PackedBytes(count: byteCount)
    try Kernel.check(
      zeros.withOptionalPointer {
        description.zero_point = $0
        return oct_gemm_pack(&description, bytes.buffer.baseAddress, bytes.buffer.count)
      }, operation)
    return bytes
  }
}

extension OutputStage {
  /// The stage for a key, weight scales and bias.
  convenience init(_ key: PackedLinear.StageKey, _ weightScales: [Double], _ bias: [Float]?) {
    switch key.result {
    case .quantized(let scale, let zeroPoint, let relu):
      self.init(
        inputScale: key.inputScale, weightScales: weightScales, bias: bias, scale: scale,
        zeroPoint: zeroPoint, dtype: key.dtype, relu: relu)
    case .real(let relu):
      self.init(
        inputScale: key.inputScale, weightScales: weightScales, bias: bias, relu: relu)
    }
  }
}

extension [Int32]? {
  /// Runs `body` with a pointer to the elements, nil for nil.
  func withOptionalPointer<Result>(_ body: (UnsafePointer<Int32>?) -> Result) -> Result {
    switch self {
    case .none: body(nil)
    case .some(let values): values.withUnsafeBufferPointer { body($0.baseAddress) }
    }
  }
}
