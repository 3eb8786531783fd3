/// Products of matrices, batch dimensions broadcast. torch.matmul, and quantized::matmul.
struct MatMul: DifferentiableOperator {
  static let torchName = "matmul"
  static let onnxName: String? = "MatMul"
  static var widensHalf: Bool { true }

  /// The scale and zero point of quantized results, nil for real ones.
  let result: (scale: Double, zeroPoint: Int)?

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, y) = (inputs[0], inputs[1])
    let allowed: [DType] = result == nil ? [.float32] : [.quint8, .qint8]
    try require(x, "x", dtypes: allowed)
    try require(y, "y", dtypes: allowed)
    guard x.dtype == y.dtype else {
      throw error(
        .dtypeMismatch, "y", expected: "x's dtype \(x.dtype.rawValue)",
        received: "dtype \(y.dtype.rawValue)")
    }
    guard x.rank >= 2, y.rank >= 2 else {
      throw error(
        .shapeMismatch, x.rank < 2 ? "x" : "y", expected: "at least two dim[ension]s",
        received: "shape \(x.rank < 2 ? x.shape : y.shape)", fix: "unsqueeze it")
    }
    let inner = x.shape[x.rank - 1]
    guard y.shape[y.rank - 2] == inner else {
      throw error(
        .shapeMismatch, "y", expected: "shape [..., \(inner), N] for x's shape \(x.shape)",
        received: "shape \(y.shape)")
    }
    let batch = try broadcastShape(Array(x.shape.dropLast(2)), Array(y.shape.dropLast(2)))
    let shape = batch + [x.shape[x.rank - 2], y.shape[y.rank - 1]]
    guard let result else { return TensorSpec(shape: shape, dtype: .float32) }
    try requirePerTensor(x, "x")
    try requirePerTensor(y, "y")
    return TensorSpec(
      shape: shape, dtype: x.dtype,
      quantizer: try Quantizer(
        scale: result.scale, zeroPoint: result.zeroPoint, dtype: x.dtype,
        operation: Self.torchName))
  }

  /// Sizes and dense operands of the broadcast batch.
  private func operands(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> (
    a: Tensor, b: Tensor, count: Int, m: Int, n: Int, k: Int
  ) {
    let batch = Array(output.shape.dropLast(2))
    func dense(_ x: Tensor) throws(OctetError) -> Tensor {
      let shape = batch + x.shape.suffix(2)
      return try (x.shape == shape ? x : x.expanded(shape)).contiguous()
    }
    let (m, n) = (output.shape[output.rank - 2], output.shape[output.rank - 1])
    return (
      try dense(inputs[0]), try dense(inputs[1]), batch.reduce(1, *), m, n,
      inputs[0].shape[inputs[0].rank - 1]
    )
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (a, b, count, m, n, k) = try operands(inputs, output)
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let multiply = try FloatProduct()
    result.withMutableElements(Float.self) { c in
      a.withElements(Float.self) { a in
        b.withElements(Float.self) { b in
          guard k > 0, let a = a.baseAddress, let b = b.baseAddress, let y = c.baseAddress else {
            return c.update(repeating: 0)
          }
          for i in 0..<count {
            multiply(
              m: m, n: n, k: k, a + i * m * k, lda: k, b + i * k * n, ldb: n, y + i * m * n, ldc: n)
          }
        }
      }
    }
    return result
  }

  /// `da = dc * bᵀ` and `db = aᵀ * dc`, summed over what was broadcast.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let dc = context.gradient
    var results: [Tensor?] = [nil, nil]
    if context.needs[0] {
      let product = try Functional.matmul(dc, context.inputs[1].transposed(-2, -1))
      results[0] = try product.summed(to: context.inputSpecs[0].shape)
    }
    if context.needs[1] {
      let product = try Functional.matmul(context.inputs[0].transposed(-2, -1), dc)
      results[1] = try product.summed(to: context.inputSpecs[1].shape)
    }
    return results
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (a, b, count, m, n, k) = try operands(inputs, output)
    let target = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer)
    let (x, y, to) = (try rules(a.spec), try rules(b.spec), try rules(output))
    if target.count == 0 { return target }
    if k == 0 {
      target.baseAddress.initializeMemory(
        as: UInt8.self, repeating: UInt8(truncatingIfNeeded: to.zeroPoint), count: target.count)
      return target
    }
    let product = MatrixProduct(
      m: m, n: n, k: k, dtype: output.dtype, aZeroPoint: x.zeroPoint, bZeroPoint: y.zeroPoint,
      multiplier: x.scale * y.scale / to.scale, yZeroPoint: to.zeroPoint)
    try Kernel.multiplyMatrices(
      product, count: count, a, b, into: target, operation: Self.torchName)
    return target
  }
}

extension Functional {
  /// Matrix products in float32: `[..., M, K]` times `[..., K, N]`, batch dimensions broadcast. torch.matmul.
  public static func matmul(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(MatMul(result: nil), [x, y])
  }

  /// Matrix products on integers: `clamp(zo + rint(m * sum((qx - zx) * (qy - zy))))` with the exact sum and the float32
  /// `m = sx * sy / so`, ties to even. torch's quantized::matmul.
  ///
  /// - Parameters:
  ///   - x: quint8 or qint8 `[..., M, K]` with a per-tensor quantizer.
  ///   - y: the same dtype, `[..., K, N]`; batch dimensions broadcast.
  ///   - scale: the result's.
  ///   - zeroPoint: the result's.
  public static func quantizedMatmul(_ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int)
    throws(OctetError) -> Tensor
  {
    try apply(MatMul(result: (scale, zeroPoint)), [x, y])
  }
}

extension Tensor {
  /// `Functional.matmul`, trapping on mistakes.
  public func matmul(_ other: Tensor) -> Tensor { eager { try Functional.matmul(self, other) } }
}
