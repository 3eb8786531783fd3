import COctet

/// Quantized weights `[N, K]` and a float bias, packed for the kernels when they are first used.
package final class PackedLinear: Sendable {
  private let weights: PackedWeights

  /// Checks the weights and the bias.
  package init(weight: Tensor, bias: Tensor?, operation: String = "linear_prepack")
    throws(OctetError)
  {
    guard weight.rank == 2 || !weight.isQuantized else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "weight",
        expected: "shape [out_features, in_features]", received: "\(weight.shape)")
    }
    weights = try PackedWeights(weight: weight, bias: bias, operation: operation)
  }

  /// qint8 or quint8 `[N, K]`.
  package var weight: Tensor { weights.weight }
  /// float32 `[N]`, nil for none.
  package var bias: Tensor? { weights.bias }
  /// The weights' scales in float32, one or N.
  var floatScales: [Float] { weights.floatScales }
  /// The bias, nil for none.
  var biasValues: [Float]? { weights.biasValues }
  package var outFeatures: Int { weight.shape[0] }
  package var inFeatures: Int { weight.shape[1] }

  /// Lets go of what was packed for this CPU; the next call packs again.
  package func releaseCache() { weights.releaseCache() }

  /// The layer of some of the outputs.
  package func rows(_ range: Range<Int>) throws(OctetError) -> PackedLinear {
    try PackedLinear(
      weight: weight.slice(dim: 0, range).contiguous(), bias: bias?.slice(dim: 0, range))
  }

  /// Multiplies a contiguous `[M, K]` view of `x`, whose integers stand for `scale * (q - zeroPoint)`, into `y`.
  func multiply(
    _ x: Tensor, rows: Int, scale: Double, zeroPoint: Int, result: QuantizedResult, into y: Tensor,
    operation: String
  ) throws(OctetError) {
    let packed = try packed(for: x.dtype)
    // A release of the cache meanwhile must not free the bytes under the kernel.
    defer { withExtendedLifetime(packed) {} }
    let bytes = packed.buffer
    let stage = weights.stage(.init(inputScale: scale, dtype: y.dtype, result: result))
    var workspace = 0
    try Kernel.check(
      oct_gemm_workspace_size(bytes.baseAddress, bytes.count, rows, 0, &workspace), operation)
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
        return oct_gemm(bytes.baseAddress, bytes.count, &call, run)
      }
    }
  }

  /// Multiplies a contiguous float32 `[M, K]` view of `x`, quantized to quint8 by its own range, into float32 `y`.
  func multiplyDynamically(
    _ x: Tensor, rows: Int, reduceRange: Bool, relu: Bool, into y: Tensor, operation: String
  ) throws(OctetError) {
    let bytes = try packed(for: .quint8).buffer
    var workspace = 0
    try Kernel.check(
      oct_gemm_dynamic_workspace_size(bytes.baseAddress, bytes.count, rows, 0, &workspace),
      operation)
    try Kernel.run(workspace: workspace, operation) { run in
      weights.realScales.withUnsafeBufferPointer { scales in
        (weights.biasValues ?? []).withUnsafeBufferPointer { bias in
          var call = oct_gemm_dynamic_call()
          call.struct_size = UInt32(MemoryLayout<oct_gemm_dynamic_call>.size)
          call.m = rows
          call.x = UnsafePointer(x.baseAddress.assumingMemoryBound(to: Float.self))
          call.x_stride = inFeatures
          call.reduce_range = reduceRange
          call.relu = relu
          call.b_scale = scales.baseAddress
          call.b_scale_count = scales.count
          call.bias = weights.biasValues == nil ? nil : bias.baseAddress
          call.y = y.baseAddress.assumingMemoryBound(to: Float.self)
          call.y_stride = outFeatures
          return oct_gemm_dynamic(bytes.baseAddress, bytes.count, &call, run)
        }
      }
    }
  }

  func packed(for dtype: DType) throws(OctetError) -> PackedBytes {
    var description = oct_gemm_weights()
    description.struct_size = UInt32(MemoryLayout<oct_gemm_weights>.size)
    description.a_dtype = Kernel.type(of: dtype)
    description.b_dtype = Kernel.type(of: weight.dtype)
    description.n = outFeatures
    description.k = inFeatures
    description.b = UnsafeRawPointer(weight.baseAddress)
    description.stride_n = inFeatures
    description.stride_k = 1
    func described(_ zeros: UnsafePointer<Int32>?, _ count: Int) -> oct_gemm_weights {
      var copy = description
      copy.zero_point = zeros
      copy.zero_point_count = count
      return copy
    }
    return try weights.packed(for: dtype) { zeros, count, byteCount in
      withUnsafePointer(to: described(zeros, count)) { oct_gemm_packed_size($0, &byteCount) }
    } pack: { zeros, count, buffer in
      withUnsafePointer(to: described(zeros, count)) {
        oct_gemm_pack($0, buffer.baseAddress, buffer.count)
      }
    }
  }
}
