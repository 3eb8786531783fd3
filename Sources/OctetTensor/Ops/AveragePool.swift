/// The mean of each window, on real and on quantized tensors. torch.nn.functional.avg_pool1d/2d/3d.
struct AveragePool: DifferentiableOperator {
  static let torchName = "avg_pool"
  static let onnxName: String? = "AveragePool"
  static var widensHalf: Bool { true }

  let window: WindowGeometry
  let ceiling: Bool
  let countsPadding: Bool
  let divisor: Int?
  let name: String

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try PooledShape.check(self, x, rank: window.rank, name: name)
    for d in 0..<window.rank where window.padding[d] * 2 > window.kernel[d] {
      throw OctetError(
        .invalidArgument, operation: name, argument: "padding",
        expected: "padding (pad) of at most half the kernel \(window.kernel)",
        received: "padding \(window.padding)")
    }
    if let divisor, divisor < 1 {
      throw OctetError(
        .invalidArgument, operation: name, argument: "divisor_override",
        expected: "a positive divisor", received: "\(divisor)",
        fix: "leave it out to divide by the number of elements")
    }
    let lead = x.rank - window.rank
    guard let size = window.outputSize(Array(x.shape[lead...]), ceiling: ceiling),
      size.allSatisfy({ $0 > 0 })
    else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "input",
        expected: "a padded input at least as large as the window \(window.kernel)",
        received: "shape \(x.shape)")
    }
    return TensorSpec(shape: x.shape[..<lead] + size, dtype: x.dtype, quantizer: x.quantizer)
  }

  private func windows(_ input: [Int], _ output: [Int]) -> AverageWindows {
    AverageWindows(
      input: Array(input.suffix(window.rank)), output: Array(output.suffix(window.rank)), window,
      countsPadding: countsPadding, divisor: divisor)
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
    // torch's two rounding orders: planes of one or two dimensions add the zero point first.
    let rule = AverageRule(
      zeroPoint: zeroPoint,
      roundsFirst: window.rank == 3 || PooledShape.isChannelsLast(inputs[0], rank: window.rank),
      countsPadding: countsPadding, divisor: divisor)
    return try PooledShape.channelsLast(inputs[0], rank: window.rank, output) {
      x, y throws(OctetError) in
      try Kernel.averagePool(x, window, rule, into: y, name)
    }
  }
}

extension Functional {
  /// The mean of each window, over as many spatial dimensions as `kernel` has.
  ///
  /// quint8 and qint8 keep their quantizer. With `s = float32(Σ (q - z))` and `m = float32(1 / n)`, contiguous tensors of one
  /// or two spatial dimensions give `clamp(rint(s * m + z))`; channels-last ones (also those with one channel or one pixel)
  /// and three dimensions give `clamp(z + rint(s * m))`. Ties to even. torch.nn.functional.avg_pool1d, avg_pool2d, avg_pool3d.
  ///
  /// - Parameters:
  ///   - input: float32, quint8 or qint8 `[N, C, spatial...]`; N may be left out.
  ///   - stride: the kernel's size when nil.
  ///   - ceiling: rounds the output size up. torch's `ceil_mode`.
  ///   - countIncludePad: counts elements in the padding, which are 0.
  ///   - divisor: what sums are divided by instead. torch's `divisor_override`.
  public static func avgPool(
    _ input: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil,
    ceiling: Bool = false, countIncludePad: Bool = true, divisor: Int? = nil
  ) throws(OctetError) -> Tensor {
    let rank = kernel.count
    guard (1...3).contains(rank) else {
      throw OctetError(
        .invalidArgument, operation: "avg_pool", argument: "kernel_size",
        expected: "1 to 3 values", received: "\(kernel)")
    }
    let name = "avg_pool\(rank)d"
    let window = try WindowGeometry(
      kernel: kernel, stride: stride ?? kernel,
      padding: padding ?? [Int](repeating: 0, count: rank),
      dilation: [Int](repeating: 1, count: rank), rank: rank, operation: name)
    return try apply(
      AveragePool(
        window: window, ceiling: ceiling, countsPadding: countIncludePad, divisor: divisor,
        name: name), [input])
  }
}

extension Tensor {
  /// `Functional.avgPool` with square windows over two dimensions, trapping on mistakes.
  public func avgPool2d(_ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    eager {
      try Functional.avgPool(
        self, kernel: [kernel, kernel], stride: stride.map { [$0, $0] },
        padding: [padding, padding])
    }
  }
}
