/// Means over windows that divide the input evenly. torch.nn.functional.adaptive_avg_pool1d/2d/3d.
struct AdaptiveAveragePool: DifferentiableOperator {
  static let torchName = "adaptive_avg_pool"
  static var widensHalf: Bool { true }

  /// The output's spatial size; a dimension that is nil keeps the input's.
  let outputSize: [Int?]
  let name: String

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try PooledShape.check(self, x, rank: outputSize.count, name: name)
    let lead = x.rank - outputSize.count
    guard x.shape[lead...].allSatisfy({ $0 > 0 }) else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "input",
        expected: "spatial dimensions that aren't empty", received: "shape \(x.shape)")
    }
    let size = zip(outputSize, x.shape[lead...]).map { $0 ?? $1 }
    guard size.allSatisfy({ (1...Int(Int32.max)).contains($0) }) else {
      throw OctetError(
        .invalidArgument, operation: name, argument: "output_size", expected: "positive sizes",
        received: "\(size)")
    }
    return TensorSpec(shape: x.shape[..<lead] + size, dtype: x.dtype, quantizer: x.quantizer)
  }

  private func windows(_ input: [Int], _ output: [Int]) -> AverageWindows {
    AverageWindows(
      input: Array(input.suffix(outputSize.count)), output: Array(output.suffix(outputSize.count)))
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try PooledShape.means(inputs[0], windows(inputs[0].shape, output.shape), output)
  }

  var saved: SavedForBackward { [] }

  /// Each element of a window gets its share of the mean's gradient.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let shape = context.inputSpecs[0].shape
    return [
      try PooledShape.spread(context.gradient, windows(shape, context.gradient.shape), shape)
    ]
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard case .perTensor(_, let zeroPoint)? = inputs[0].quantizer?.parameters else {
      return inputs[0]
    }
    // torch averages contiguous integers as they are, channels-last ones relative to the zero point.
    let last = PooledShape.isChannelsLast(inputs[0], rank: outputSize.count)
    let rule = AverageRule(zeroPoint: last ? zeroPoint : 0, roundsFirst: true)
    return try PooledShape.channelsLast(inputs[0], rank: outputSize.count, output) {
      x, y throws(OctetError) in
      try Kernel.adaptiveAveragePool(x, rule, into: y, name)
    }
  }
}

extension Functional {
  /// The mean over windows `floor(o * in / out)..<ceil((o + 1) * in / out)`, over as many spatial dimensions as `outputSize`
  /// has; a dimension that is nil keeps the input's size.
  ///
  /// quint8 and qint8 keep their quantizer. With `m = ((1 / n0) / n1) / n2` in float32, n_i the elements along dimension i,
  /// contiguous tensors give `clamp(rint(float32(Σ q) * m))`, channels-last ones (also those with one channel or one pixel)
  /// `clamp(z + rint(float32(Σ (q - z)) * m))`. Ties to even. torch.nn.functional.adaptive_avg_pool1d/2d/3d.
  ///
  /// - Parameter input: float32, quint8 or qint8 `[N, C, spatial...]`; N may be left out.
  public static func adaptiveAvgPool(_ input: Tensor, outputSize: [Int?]) throws(OctetError)
    -> Tensor
  {
    guard (1...3).contains(outputSize.count) else {
      throw OctetError(
        .invalidArgument, operation: "adaptive_avg_pool", argument: "output_size",
        expected: "1 to 3 values", received: "\(outputSize.count)")
    }
    return try apply(
      AdaptiveAveragePool(
        outputSize: outputSize, name: "adaptive_avg_pool\(outputSize.count)d"), [input])
  }
}

extension Tensor {
  /// `Functional.adaptiveAvgPool` to a square over two dimensions, trapping on mistakes.
  public func adaptiveAvgPool2d(_ size: Int) -> Tensor {
    eager { try Functional.adaptiveAvgPool(self, outputSize: [size, size]) }
  }
}
