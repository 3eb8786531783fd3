import OctetTensor

/// What 1-d, 2-d and 3-d max pools share: the largest element of each window, on real and on quantized tensors.
public class MaxPool: Module {
  private let kernel: [Int]
  private let stride: [Int]
  private let padding: [Int]
  private let dilation: [Int]
  private let ceiling: Bool

  init(rank: Int, _ kernel: Int, _ stride: Int?, _ padding: Int, _ dilation: Int, _ ceiling: Bool) {
    func spread(_ value: Int) -> [Int] { [Int](repeating: value, count: rank) }
    self.kernel = spread(positive(kernel, "kernelSize", "MaxPool\(rank)d"))
    self.stride = spread(positive(stride ?? kernel, "stride", "MaxPool\(rank)d"))
    self.padding = spread(padding)
    self.dilation = spread(positive(dilation, "dilation", "MaxPool\(rank)d"))
    self.ceiling = ceiling
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.maxPool(
      input, kernel: kernel, stride: stride, padding: padding, dilation: dilation, ceiling: ceiling)
  }
}

/// Over `[N, C, L]`. torch.nn.MaxPool1d.
public final class MaxPool1d: MaxPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up.
  public init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    ceiling: Bool = false
  ) {
    super.init(rank: 1, kernelSize, stride, padding, dilation, ceiling)
  }
}

/// Over `[N, C, H, W]`. torch.nn.MaxPool2d.
public final class MaxPool2d: MaxPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up.
  public init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    ceiling: Bool = false
  ) {
    super.init(rank: 2, kernelSize, stride, padding, dilation, ceiling)
  }
}

/// Over `[N, C, D, H, W]`. torch.nn.MaxPool3d.
public final class MaxPool3d: MaxPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up.
  public init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    ceiling: Bool = false
  ) {
    super.init(rank: 3, kernelSize, stride, padding, dilation, ceiling)
  }
}
