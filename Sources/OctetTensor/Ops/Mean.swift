/// The mean over some dimensions; sums are taken in double, and the mean is rounded once. torch.mean.
struct Mean: DifferentiableOperator {
  static let torchName = "mean"
  static let onnxName: String? = "ReduceMean"
  static var widensHalf: Bool { true }

  /// The dimensions that go, as given; all of them when empty.
  let dims: [Int]
  let keepDims: Bool

  private func reduced(_ rank: Int) throws(OctetError) -> Set<Int> {
    if dims.isEmpty { return Set(0..<rank) }
    var found: Set<Int> = []
    for dim in dims {
      guard let d = Shapes.normalize(axis: dim, rank: rank), found.insert(d).inserted else {
        throw error(
          .outOfRange, "dim", expected: "dims in \(-rank)..<\(rank), each once",
          received: "\(dims)")
      }
    }
    return found
  }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "self", dtypes: [.float32, .float64, .quint8, .qint8, .qint32])
    if x.quantizer?.axis != nil {
      throw error(
        .invalidQuantizer, "self", expected: "a per-tensor scheme", received: "a per-channel one",
        fix: "dequantize it first")
    }
    let gone = try reduced(x.rank)
    if x.isQuantized, gone.contains(where: { x.shape[$0] == 0 }) {
      throw error(
        .shapeMismatch, "self", expected: "at least one element to take the mean of",
        received: "shape \(x.shape)")
    }
    var spec = x
    spec.shape = x.shape.indices.compactMap { d in
      gone.contains(d) ? (keepDims ? 1 : nil) : x.shape[d]
    }
    return spec
  }

  /// Elements with the reduced dimensions innermost, and how many there are to a mean.
  private func gathered(_ x: Tensor) throws(OctetError) -> (tensor: Tensor, count: Int) {
    let gone = try reduced(x.rank)
    let kept = x.shape.indices.filter { !gone.contains($0) }
    let inner = x.shape.indices.filter { gone.contains($0) }
    return (try x.permuted(kept + inner), inner.map { x.shape[$0] }.reduce(1, *))
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let lanes = try ReducedLanes(inputs[0], try reduced(inputs[0].rank))
    return output.dtype == .float64
      ? try mean(lanes, output, Double.self) : try mean(lanes, output, Float.self)
  }

  private func mean<Real: RealScalar>(
    _ lanes: ReducedLanes, _ output: TensorSpec, _ type: Real.Type
  ) throws(OctetError) -> Tensor {
    try lanes.reduce(output, type) { lane in
      var sum = 0.0
      for x in lane { sum += Double(x) }
      return Real(sum / Double(lane.count))
    }
  }

  var saved: SavedForBackward { [] }

  /// `dx = dy / n` for each of the n elements of a mean.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let shape = context.inputSpecs[0].shape
    let gone = try reduced(shape.count)
    let kept = shape.indices.map { gone.contains($0) ? 1 : shape[$0] }
    let count = gone.reduce(1) { $0 * shape[$1] }
    let share = try apply(
      ScalarArithmetic(kind: .divide, scalar: Float(count)), [context.gradient])
    return [try share.reshaped(kept).expanded(shape)]
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = inputs[0]
    guard let quantizer = x.quantizer else { return x }
    let gone = try reduced(x.rank)
    guard gone == Set((x.rank - gone.count)..<x.rank) else {
      // torch sums in float32, one element after the other: that decides to which side a mean is rounded.
      let real = try ReducedLanes(x.dequantized(), gone)
        .reduce(TensorSpec(shape: output.shape, dtype: .float32), Float.self) { lane in
          lane.reduce(0, +) / Float(lane.count)
        }
      return try Functional.quantize(real, quantizer, dtype: x.dtype)
    }
    // Over the innermost dimensions the mean of the integers is the integer of the mean.
    let (tensor, count) = try gathered(x)
    let q: [Int64] = try tensor.integerRepresentation().converted(to: .int64).elements()
    let means = (0..<(Shapes.elementCount(output.shape) ?? 0)).map { row -> Int64 in
      let sum = q[(row * count)..<((row + 1) * count)].reduce(0, &+)
      return Int64((Float(sum) / Float(count)).rounded(.toNearestOrEven))
    }
    let plain = try Tensor(means, shape: output.shape).converted(to: x.dtype.storageDType)
    return Tensor(
      storage: plain.storage, offset: 0, shape: plain.shape, strides: plain.strides,
      dtype: x.dtype, quantizer: quantizer)
  }
}

extension Functional {
  /// The mean over `dims`, all of them when the list is empty.
  ///
  /// On quantized tensors the quantizer is kept: over innermost dimensions `rint(float32(sum q) / n)`, over others the mean of
  /// the real values, quantized. torch.mean.
  ///
  /// - Parameter input: a float dtype, or quint8, qint8 and qint32 per tensor.
  public static func mean(_ input: Tensor, dims: [Int] = [], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try apply(Mean(dims: dims, keepDims: keepDims), [input])
  }
}
