/// The largest element of each window; padding takes no part. torch.nn.functional.max_pool1d/2d/3d.
struct MaxPool: DifferentiableOperator {
  static let torchName = "max_pool"
  static let onnxName: String? = "MaxPool"
  static var widensHalf: Bool { true }

  let window: WindowGeometry
  let ceiling: Bool
  let name: String

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.float32, .quint8, .qint8])
    if x.quantizer?.axis != nil {
      throw OctetError(
        .invalidQuantizer, operation: name, argument: "input", expected: "a per-tensor scheme",
        received: "a per-channel one", fix: "dequantize it first")
    }
    // As in torch, the batch dimension may be left out.
    guard x.rank == window.rank + 2 || x.rank == window.rank + 1 else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "input",
        expected: "\(window.rank + 2) dimensions [N, C, spatial...]", received: "shape \(x.shape)")
    }
    for d in 0..<window.rank where window.padding[d] * 2 > window.kernel[d] {
      throw OctetError(
        .invalidArgument, operation: name, argument: "padding",
        expected: "padding (pad) of at most half the kernel \(window.kernel)",
        received: "padding \(window.padding)")
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

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let pool = FloatMaxPool(window, input: x.shape, output: output.shape)
    let planes = output.shape.dropLast(window.rank).reduce(1, *)
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        pool.run(planes: planes, source, target)
      }
    }
    return result
  }

  var saved: SavedForBackward { [.inputs, .output] }

  /// Each result's gradient goes to the first element of its window that is the largest.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    guard let output = context.output else { return [nil] }
    let x = try context.inputs[0].contiguous()
    let (y, dy) = (try output.contiguous(), try context.gradient.contiguous())
    let result = try Tensor(repeating: Float(0), shape: x.shape)
    let pool = FloatMaxPool(window, input: x.shape, output: y.shape)
    let planes = y.shape.dropLast(window.rank).reduce(1, *)
    x.withElements(Float.self) { x in
      y.withElements(Float.self) { y in
        dy.withElements(Float.self) { dy in
          result.withMutableElements(Float.self) { dx in
            guard let x = x.baseAddress, let y = y.baseAddress, let dy = dy.baseAddress,
              let dx = dx.baseAddress
            else { return }
            pool.route(planes: planes, x, y, dy, dx)
          }
        }
      }
    }
    return [result]
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let batched = inputs[0].rank == window.rank + 2
    let x = batched ? inputs[0] : try inputs[0].unsqueezed(0)
    let dense = try x.contiguous(.channelsLast)
    let result = try Tensor(
      uninitialized: batched ? output.shape : [1] + output.shape, dtype: output.dtype,
      quantizer: output.quantizer, format: .channelsLast)
    try Kernel.maxPool(dense, window, into: result)
    // torch keeps the layout of its input.
    let kept = x.isContiguous ? try result.contiguous() : result
    return batched ? kept : try kept.squeezed(0)
  }
}

extension Functional {
  /// The largest element of each window, on float32 or on the integers of quint8 and qint8, over as many spatial dimensions
  /// as `kernel` has. torch.nn.functional.max_pool1d, max_pool2d, max_pool3d.
  ///
  /// - Parameters:
  ///   - input: `[N, C, spatial...]`; N may be left out.
  ///   - stride: the kernel's size when nil.
  ///   - ceiling: rounds the output size up. torch's `ceil_mode`.
  public static func maxPool(
    _ input: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil,
    dilation: [Int]? = nil, ceiling: Bool = false
  ) throws(OctetError) -> Tensor {
    try apply(maxPoolOperator(kernel, stride, padding, dilation, ceiling), [input])
  }

  /// The operator of these windows.
  static func maxPoolOperator(
    _ kernel: [Int], _ stride: [Int]?, _ padding: [Int]?, _ dilation: [Int]?, _ ceiling: Bool
  ) throws(OctetError) -> MaxPool {
    let rank = kernel.count
    let name = "max_pool\(rank)d"
    guard (1...3).contains(rank) else {
      throw OctetError(
        .invalidArgument, operation: "max_pool", argument: "kernel_size",
        expected: "1 to 3 values", received: "\(kernel)")
    }
    let window = try WindowGeometry(
      kernel: kernel, stride: stride ?? kernel,
      padding: padding ?? [Int](repeating: 0, count: rank),
      dilation: dilation ?? [Int](repeating: 1, count: rank), rank: rank, operation: name)
    return MaxPool(window: window, ceiling: ceiling, name: name)
  }
}

extension Tensor {
  /// `Functional.maxPool` with square windows over two dimensions, trapping on mistakes.
  public func maxPool2d(_ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    eager {
      try Functional.maxPool(
        self, kernel: [kernel, kernel], stride: stride.map { [$0, $0] },
        padding: [padding, padding])
    }
  }
}
