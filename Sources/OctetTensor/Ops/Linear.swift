/// `y = x * wᵀ + bias`. torch.nn.functional.linear.
struct Linear: DifferentiableOperator {
  static let torchName = "linear"
  static let onnxName: String? = "Gemm"
  static var widensHalf: Bool { true }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, w) = (inputs[0], inputs[1])
    try require(x, "input", dtypes: [.float32])
    try require(w, "weight", dtypes: [.float32])
    guard w.rank == 2 else {
      throw error(
        .shapeMismatch, "weight", expected: "shape [out_features, in_features]",
        received: "\(w.shape)")
    }
    guard let features = x.shape.last, features == w.shape[1] else {
      throw error(
        .shapeMismatch, "input", expected: "shape [..., \(w.shape[1])]", received: "\(x.shape)",
        fix: "the last dimension must equal the weight's in_features")
    }
    if inputs.count > 2 {
      try require(inputs[2], "bias", dtypes: [.float32])
      guard inputs[2].shape == [w.shape[0]] else {
        throw error(
          .shapeMismatch, "bias", expected: "shape [\(w.shape[0])]",
          received: "\(inputs[2].shape)")
      }
    }
    return TensorSpec(shape: Array(x.shape.dropLast()) + [w.shape[0]], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let w = try inputs[1].contiguous()
    let bias = inputs.count > 2 ? try inputs[2].contiguous() : nil
    let (n, k) = (w.shape[0], w.shape[1])
    let m = output.shape.dropLast().reduce(1, *)
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let multiply = try FloatProduct()
    result.withMutableElements(Float.self) { y in
      guard let out = y.baseAddress, !y.isEmpty else { return }
      if let bias {
        bias.withElements(Float.self) { b in
          for row in 0..<m { for column in 0..<n { out[row * n + column] = b[column] } }
        }
      }
      x.withElements(Float.self) { a in
        w.withElements(Float.self) { b in
          if k == 0 || a.baseAddress == nil || b.baseAddress == nil {
            if bias == nil { y.update(repeating: 0) }
            return
          }
          guard let a = a.baseAddress, let b = b.baseAddress else { return }
          multiply(
            m: m, n: n, k: k, a, lda: k, b, ldb: k, transposeB: true, accumulates: bias != nil,
            out, ldc: n)
        }
      }
    }
    return result
  }

  /// `dx = dy * w`, `dw = dyᵀ * x`, `db` the sum of dy's rows.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let dy = try context.gradient.contiguous()
    let (x, w) = (try context.inputs[0].contiguous(), try context.inputs[1].contiguous())
    let (n, k) = (w.shape[0], w.shape[1])
    let m = dy.shape.dropLast().reduce(1, *)
    var results: [Tensor?] = Array(repeating: nil, count: context.needs.count)
    if context.needs[0] {
      results[0] = try product(dy, lda: n, false, w, ldb: k, false, (m, k, n), shape: x.shape)
    }
    if context.needs[1] {
      results[1] = try product(dy, lda: n, true, x, ldb: k, false, (n, k, m), shape: w.shape)
    }
    if context.needs.count > 2, context.needs[2] {
      results[2] = try dy.summed(to: [n])
    }
    return results
  }

  /// A product of `[m, k]` and `[k, n]`; the flags say which operand lies transposed.
  private func product(
    _ a: Tensor, lda: Int, _ transposeA: Bool, _ b: Tensor, ldb: Int, _ transposeB: Bool,
    _ size: (m: Int, n: Int, k: Int), shape: [Int]
  ) throws(OctetError) -> Tensor {
    let result = try Tensor(repeating: Float(0), shape: shape)
    let multiply = try FloatProduct()
    a.withElements(Float.self) { a in
      b.withElements(Float.self) { b in
        result.withMutableElements(Float.self) { y in
          guard size.k > 0, let a = a.baseAddress, let b = b.baseAddress, let y = y.baseAddress
          else { return }
          multiply(
            m: size.m, n: size.n, k: size.k, a, lda: lda, transposeA: transposeA, b, ldb: ldb,
            transposeB: transposeB, y, ldc: size.n)
        }
      }
    }
    return result
  }
}

extension Functional {
  /// `y = x * wᵀ + bias` in float32. torch.nn.functional.linear.
  ///
  /// - Parameters:
  ///   - input: `[..., K]`.
  ///   - weight: `[N, K]`.
  ///   - bias: `[N]`.
  public static func linear(_ input: Tensor, weight: Tensor, bias: Tensor? = nil)
    throws(OctetError) -> Tensor
  {
    try apply(Linear(), [input, weight] + (bias.map { [$0] } ?? []))
  }
}
