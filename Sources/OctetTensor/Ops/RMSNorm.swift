/// Rows divided by the root of their mean square. torch.nn.functional.rms_norm.
struct RMSNorm: DifferentiableOperator {
  static let torchName = "rms_norm"
  static let onnxName: String? = "RMSNormalization"
  static var widensHalf: Bool { true }

  /// The last dimensions, which make a row.
  let normalizedShape: [Int]
  let epsilon: Double

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.float32, .float64])
    guard !normalizedShape.isEmpty, x.rank >= normalizedShape.count,
      Array(x.shape.suffix(normalizedShape.count)) == normalizedShape
    else {
      throw error(
        .shapeMismatch, "input",
        expected: "shape [..., \(normalizedShape.map(String.init).joined(separator: ", "))]",
        received: "shape \(x.shape)")
    }
    if inputs.count > 1 {
      guard inputs[1].shape == normalizedShape, inputs[1].dtype == x.dtype else {
        throw error(
          .shapeMismatch, "weight",
          expected: "\(x.dtype.rawValue) of shape \(normalizedShape)",
          received: "\(inputs[1].dtype.rawValue) of shape \(inputs[1].shape)")
      }
    }
    return x
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    output.dtype == .float64
      ? try normalize(inputs, output, Double.self) : try normalize(inputs, output, Float.self)
  }

  private var rowSize: Int { normalizedShape.reduce(1, *) }

  private func normalize<Real: RealScalar>(
    _ inputs: [Tensor], _ output: TensorSpec, _ type: Real.Type
  ) throws(OctetError) -> Tensor {
    let weight: [Real]? = inputs.count > 1 ? try inputs[1].elements() : nil
    let result = try Tensor(uninitialized: output.shape, dtype: output.dtype)
    let size = rowSize
    try inputs[0].contiguous().withElements(type) { x in
      result.withMutableElements(type) { y in
        if y.isEmpty { return }
        for start in stride(from: 0, to: y.count, by: size) {
          let factor = inverseRoot(x[start..<(start + size)])
          for i in 0..<size {
            y[start + i] = Real(Double(x[start + i]) * factor * Double(weight?[i] ?? 1))
          }
        }
      }
    }
    return result
  }

  private func inverseRoot<Real: RealScalar>(_ row: Swift.Slice<UnsafeBufferPointer<Real>>)
    -> Double
  {
    var squares = 0.0
    for x in row { squares += Double(x) * Double(x) }
    return 1 / (squares / Double(row.count) + epsilon).squareRoot()
  }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    context.gradient.dtype == .float64
      ? try differentiate(context, Double.self) : try differentiate(context, Float.self)
  }

  /// With `r = 1 / √(mean(x²) + ε)` and `h = dy * w`: `dx = r * (h - x * r² * mean(h * x))`, `dw = Σ dy * x * r`.
  private func differentiate<Real: RealScalar>(_ context: BackwardContext, _ type: Real.Type)
    throws(OctetError) -> [Tensor?]
  {
    let weight: [Real]? = context.inputs.count > 1 ? try context.inputs[1].elements() : nil
    let (x, g) = (try context.inputs[0].contiguous(), try context.gradient.contiguous())
    let dx = try Tensor(uninitialized: x.shape, dtype: Real.dtype)
    let size = rowSize
    var dw = [Double](repeating: 0, count: size)
    x.withElements(type) { x in
      g.withElements(type) { g in
        dx.withMutableElements(type) { d in
          if d.isEmpty { return }
          for start in stride(from: 0, to: d.count, by: size) {
            let r = inverseRoot(x[start..<(start + size)])
            var mean = 0.0
            for i in 0..<size {
              dw[i] += Double(g[start + i]) * Double(x[start + i]) * r
              mean += Double(g[start + i]) * Double(weight?[i] ?? 1) * Double(x[start + i])
            }
            mean /= Double(size)
            for i in 0..<size {
              let h = Double(g[start + i]) * Double(weight?[i] ?? 1)
              d[start + i] = Real(r * (h - Double(x[start + i]) * r * r * mean))
            }
          }
        }
      }
    }
    let slope = weight == nil ? [] : [try Tensor(dw.map { Real($0) }, shape: normalizedShape)]
    return [dx] + slope
  }
}

extension Functional {
  /// `x / √(mean(x²) + ε) * weight` over the last dimensions; sums in double, rounded once. torch.nn.functional.rms_norm.
  ///
  /// - Parameters:
  ///   - input: a float dtype, `[..., normalizedShape]`.
  ///   - weight: of `normalizedShape` and the input's dtype; 1 when nil.
  public static func rmsNorm(
    _ input: Tensor, normalizedShape: [Int], weight: Tensor? = nil, epsilon: Double = 1e-5
  ) throws(OctetError) -> Tensor {
    try apply(
      RMSNorm(normalizedShape: normalizedShape, epsilon: epsilon),
      [input] + (weight.map { [$0] } ?? []))
  }

  /// `x / max(‖x‖ₚ, ε)` along `dim`. torch.nn.functional.normalize.
  public static func normalize(
    _ input: Tensor, order: Double = 2, dim: Int = 1, epsilon: Double = 1e-12
  ) throws(OctetError) -> Tensor {
    let length = try norm(input, order: order, dims: [dim], keepDims: true)
    let floor = try Tensor(scalar: epsilon).converted(to: length.dtype)
    return try divide(input, maximum(length, floor))
  }

  /// `x · y / (max(‖x‖, ε) * max(‖y‖, ε))` along `dim`, broadcast. torch.nn.functional.cosine_similarity.
  public static func cosineSimilarity(
    _ x: Tensor, _ y: Tensor, dim: Int = 1, epsilon: Double = 1e-8
  ) throws(OctetError) -> Tensor {
    try sum(
      multiply(
        normalize(x, dim: dim, epsilon: epsilon), normalize(y, dim: dim, epsilon: epsilon)),
      dims: [dim])
  }
}
