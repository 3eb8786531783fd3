/// `exp(x) / sum(exp(x))` along a dimension. torch.softmax.
struct Softmax: DifferentiableOperator {
  static let torchName = "softmax"
  static let onnxName: String? = "Softmax"
  static var widensHalf: Bool { true }

  /// The dimension; nil: 0 for 0, 1 and 3 dimensions, 1 for others.
  let dim: Int?
  /// The scale and zero point of quantized results, nil for real ones.
  let result: (scale: Double, zeroPoint: Int)?

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: result == nil ? [.float32] : [.quint8, .qint8])
    _ = try axis(x.rank)
    guard let result else { return x }
    try requirePerTensor(x, "input")
    return TensorSpec(
      shape: x.shape, dtype: x.dtype,
      quantizer: try Quantizer(
        scale: result.scale, zeroPoint: result.zeroPoint, dtype: x.dtype,
        operation: Self.torchName))
  }

  private func axis(_ rank: Int) throws(OctetError) -> Int {
    let wanted = dim ?? (rank <= 1 || rank == 3 ? 0 : 1)
    guard let axis = Shapes.normalize(axis: wanted, rank: max(rank, 1)) else {
      throw error(
        .outOfRange, "dim", expected: "a dim in \(-max(rank, 1))..<\(max(rank, 1))",
        received: "dim \(wanted)")
    }
    return axis
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let axis = try axis(output.rank)
    let x = try inputs[0].contiguous()
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let size = output.rank == 0 ? 1 : output.shape[axis]
    let inner = output.rank == 0 ? 1 : output.shape[(axis + 1)...].reduce(1, *)
    if x.count == 0 { return result }
    if inner == 1 {
      try Kernel.softmax(x, length: size, into: result)
      return result
    }
    let job = FloatElements(
      x: x.baseAddress.assumingMemoryBound(to: Float.self),
      y: result.baseAddress.assumingMemoryBound(to: Float.self))
    // Threads share lanes, about as many elements at a time as make a thread worth waking.
    parallelFor(x.count / size, grain: max(1, (1 << 13) / size)) { lanes in
      for lane in lanes {
        let start = lane / inner * size * inner + lane % inner
        Self.normalize(job.x, job.y, start: start, size: size, step: inner)
      }
    }
    return result
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard let quantizer = output.quantizer else { return inputs[0] }
    let real = try Functional.dequantize(inputs[0])
    let spec = TensorSpec(shape: output.shape, dtype: .float32)
    return try Functional.quantize(evaluate([real], spec), quantizer, dtype: output.dtype)
  }

  var saved: SavedForBackward { .output }

  /// `dx = y * (dy - Σ dy * y)` along the dimension.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    guard let output = context.output else { return [nil] }
    let (y, dy) = (try output.contiguous(), try context.gradient.contiguous())
    let result = try Tensor(uninitialized: y.shape, dtype: .float32)
    let axis = try axis(y.rank)
    let size = y.rank == 0 ? 1 : y.shape[axis]
    let inner = y.rank == 0 ? 1 : y.shape[(axis + 1)...].reduce(1, *)
    y.withElements(Float.self) { y in
      dy.withElements(Float.self) { dy in
        result.withMutableElements(Float.self) { dx in
          if y.isEmpty { return }
          for outer in stride(from: 0, to: y.count, by: size * inner) {
            for start in outer..<(outer + inner) {
              let lane = stride(from: start, to: start + size * inner, by: inner)
              var sum: Float = 0
              for i in lane { sum += dy[i] * y[i] }
              for i in lane { dx[i] = y[i] * (dy[i] - sum) }
            }
          }
        }
      }
    }
    return [result]
  }

  /// One lane. The largest element is taken off first, so that no exponential overflows.
  private static func normalize(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, start: Int, size: Int, step: Int
  ) {
    var largest = -Float.infinity
    for i in 0..<size {
      // A NaN spreads over its lane.
      let value = x[start + i * step]
      if value > largest || value.isNaN { largest = value }
    }
    var sum: Float = 0
    for i in 0..<size {
      let value = RealFunction.exp(x[start + i * step] - largest)
      y[start + i * step] = value
      sum += value
    }
    for i in 0..<size { y[start + i * step] /= sum }
  }
}

extension Functional {
  /// `exp(x) / sum(exp(x))` along `dim`, in float32. torch.nn.functional.softmax.
  ///
  /// - Parameters:
  ///   - input: float32, any shape.
  ///   - dim: the dimension that sums to 1; nil follows torch's legacy rule: 0 for 0, 1 and 3 dimensions, 1 for others.
  public static func softmax(_ input: Tensor, dim: Int? = nil) throws(OctetError) -> Tensor {
    try apply(Softmax(dim: dim, result: nil), [input])
  }

  /// `softmax` of the real values of a quantized tensor, quantized again. torch's quantized::softmax.
  ///
  /// - Parameter input: quint8 or qint8 with a per-tensor quantizer, any shape.
  public static func softmax(_ input: Tensor, dim: Int? = nil, scale: Double, zeroPoint: Int)
    throws(OctetError) -> Tensor
  {
    try apply(Softmax(dim: dim, result: (scale, zeroPoint)), [input])
  }
}

extension Tensor {
  /// `Functional.softmax`, trapping on mistakes.
  public func softmax(dim: Int? = nil) -> Tensor {
    eager { try Functional.softmax(self, dim: dim) }
  }
}
