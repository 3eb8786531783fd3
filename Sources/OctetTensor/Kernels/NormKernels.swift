import COctet

/// The norm family of the C library.
extension Kernel {
  /// What layer and group norm share: dense input and output, and the affine part.
  struct Normalization {
    let x: Tensor
    let y: Tensor
    let epsilon: Double
    let gamma: [Float]?
    let beta: [Float]?
    let operation: String

    /// Runs `body` with the C struct.
    fileprivate func run(
      _ body: (UnsafePointer<oct_norm>, UnsafePointer<oct_run>) -> oct_status
    ) throws(OctetError) {
      guard case .perTensor(let scale, let zeroPoint)? = x.quantizer?.parameters,
        case .perTensor(let outputScale, let outputZero)? = y.quantizer?.parameters
      else { return }
      try Kernel.run(workspace: 0, operation) { run in
        (gamma ?? []).withUnsafeBufferPointer { g in
          (beta ?? []).withUnsafeBufferPointer { b in
            var norm = oct_norm()
            norm.struct_size = UInt32(MemoryLayout<oct_norm>.size)
            norm.dtype = Kernel.type(of: x.dtype)
            norm.x_scale = Float(scale)
            norm.y_scale = Float(outputScale)
            norm.x_zero_point = Int32(zeroPoint)
            norm.y_zero_point = Int32(outputZero)
            norm.epsilon = epsilon
            norm.gamma = gamma == nil ? nil : g.baseAddress
            norm.beta = beta == nil ? nil : b.baseAddress
            norm.x = UnsafeRawPointer(x.baseAddress)
            norm.y = y.baseAddress
            return body(&norm, run)
          }
        }
      }
    }
  }

  /// Rows of `length` elements, each by its own statistics.
  static func layerNorm(_ norm: Normalization, length: Int) throws(OctetError) {
    let rows = length > 0 ? norm.x.count / length : 0
    try norm.run { oct_layer_norm($0, rows, length, $1) }
  }

  /// Rows of float32, each by its own statistics, of `x` or of `x + other`; a tensor of `x`'s shape.
  static func layerNorm(
    _ x: Tensor, adding other: Tensor?, length: Int, epsilon: Double, gamma: Tensor?,
    beta: Tensor?, _ operation: String
  ) throws(OctetError) -> Tensor {
    let result = try Tensor(uninitialized: x.shape, dtype: .float32)
    if result.count == 0 { return result }
    let (x, other) = (try x.contiguous(), try other?.contiguous())
    let (gamma, beta) = (try gamma?.contiguous(), try beta?.contiguous())
    func elements(_ x: Tensor) -> UnsafePointer<Float> {
      UnsafePointer(x.baseAddress.assumingMemoryBound(to: Float.self))
    }
    var norm = oct_norm_f32()
    norm.struct_size = UInt32(MemoryLayout<oct_norm_f32>.size)
    norm.epsilon = epsilon
    norm.gamma = gamma.map(elements)
    norm.beta = beta.map(elements)
    norm.x = elements(x)
    norm.add = other.map(elements)
    norm.y = result.baseAddress.assumingMemoryBound(to: Float.self)
    defer { withExtendedLifetime((x, other, gamma, beta)) {} }
    try run(workspace: 0, operation) { run in
      oct_layer_norm_f32(&norm, result.count / length, length, run)
    }
    return result
  }

  /// Contiguous `[N, C, ...]`, each image's groups of channels by their own statistics.
  static func groupNorm(_ norm: Normalization, groups: Int) throws(OctetError) {
    let shape = norm.x.shape
    let inner = shape[2...].reduce(1, *)
    try norm.run { oct_group_norm($0, shape[0], shape[1], inner, groups, $1) }
  }

  /// `alpha[c] * (q - zx) + beta[c]`, rounded, channels last on both sides.
  static func batchNorm(
    _ x: Tensor, alpha: [Float], beta: [Float], relu: Bool, into y: Tensor, _ operation: String
  ) throws(OctetError) {
    guard case .perTensor(_, let zeroPoint)? = x.quantizer?.parameters,
      case .perTensor(_, let outputZero)? = y.quantizer?.parameters
    else { return }
    let range = x.dtype.integerRange ?? 0...255
    let channels = x.shape[1]
    try run(workspace: 0, operation) { run in
      alpha.withUnsafeBufferPointer { a in
        beta.withUnsafeBufferPointer { b in
          var affine = oct_channel_affine()
          affine.struct_size = UInt32(MemoryLayout<oct_channel_affine>.size)
          affine.dtype = type(of: x.dtype)
          affine.x_zero_point = Int32(zeroPoint)
          affine.y_zero_point = Int32(outputZero)
          affine.clamp_min = Int32(relu ? outputZero : range.lowerBound)
          affine.clamp_max = Int32(range.upperBound)
          affine.alpha = a.baseAddress
          affine.beta = b.baseAddress
          return oct_batch_norm(
            &affine, channels > 0 ? x.count / channels : 0, channels, x.baseAddress, channels,
            y.baseAddress, channels, run)
        }
      }
    }
  }
}
