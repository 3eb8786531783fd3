import OctetTensor

/// The windows of a max pool.
package struct MaxWindowSettings: Sendable {
  let kernel: [Int]
  let stride: [Int]
  let padding: [Int]
  let dilation: [Int]
  let ceiling: Bool

  /// Sizes for `rank` dimensions, given as one for all or as one for each. Traps on sizes that aren't positive.
  init(
    rank: Int, _ kernel: [Int], _ stride: [Int]?, _ padding: [Int], _ dilation: [Int],
    _ ceiling: Bool
  ) {
    let layer = "MaxPool\(rank)d"
    self.kernel = spread(kernel, rank, "kernelSize", layer).map {
      positive($0, "kernelSize", layer)
    }
    self.stride = spread(stride ?? kernel, rank, "stride", layer).map {
      positive($0, "stride", layer)
    }
    self.padding = spread(padding, rank, "padding", layer)
    self.dilation = spread(dilation, rank, "dilation", layer).map {
      positive($0, "dilation", layer)
    }
    self.ceiling = ceiling
  }
}

/// What 1-d, 2-d and 3-d max pools share: the largest element of each window, on real and on quantized tensors.
public class MaxPool: IndexedPool {
  private let windows: MaxWindowSettings

  package required init(_ windows: MaxWindowSettings, _ returnIndices: Bool) {
    self.windows = windows
    super.init(returnIndices: returnIndices)
  }

  public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Self(windows, returnIndices)
  }

  public override var details: String {
    "kernelSize: \(windows.kernel), stride: \(windows.stride), padding: \(windows.padding), "
      + "dilation: \(windows.dilation), ceiling: \(windows.ceiling)"
      + (returnIndices ? ", returnIndices: true" : "")
  }

  final override func pooledWithIndices(_ input: Tensor) throws -> (output: Tensor, indices: Tensor)
  {
    try Functional.maxPoolWithIndices(
      input, kernel: windows.kernel, stride: windows.stride, padding: windows.padding,
      dilation: windows.dilation, ceiling: windows.ceiling)
  }

  public final override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.maxPool(
      input, kernel: windows.kernel, stride: windows.stride, padding: windows.padding,
      dilation: windows.dilation, ceiling: windows.ceiling)
  }
}

/// Over `[N, C, L]`. torch.nn.MaxPool1d.
public final class MaxPool1d: MaxPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up; `returnIndices` makes `withIndices` work.
  public convenience init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    returnIndices: Bool = false, ceiling: Bool = false
  ) {
    self.init(
      MaxWindowSettings(
        rank: 1, [kernelSize], stride.map { [$0] }, [padding], [dilation], ceiling), returnIndices)
  }
}

/// Over `[N, C, H, W]`. torch.nn.MaxPool2d.
public final class MaxPool2d: MaxPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up; `returnIndices` makes `withIndices` work.
  public convenience init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    returnIndices: Bool = false, ceiling: Bool = false
  ) {
    self.init(
      [kernelSize], stride: stride.map { [$0] }, padding: [padding], dilation: [dilation],
      returnIndices: returnIndices, ceiling: ceiling)
  }

  /// The same with a value for height and one for width, or one for both.
  public convenience init(
    _ kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    returnIndices: Bool = false, ceiling: Bool = false
  ) {
    self.init(
      MaxWindowSettings(rank: 2, kernelSize, stride, padding, dilation, ceiling), returnIndices)
  }
}

/// Over `[N, C, D, H, W]`. torch.nn.MaxPool3d.
public final class MaxPool3d: MaxPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up; `returnIndices` makes `withIndices` work.
  public convenience init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    returnIndices: Bool = false, ceiling: Bool = false
  ) {
    self.init(
      [kernelSize], stride: stride.map { [$0] }, padding: [padding], dilation: [dilation],
      returnIndices: returnIndices, ceiling: ceiling)
  }

  /// The same with a value for each of depth, height and width, or one for all.
  public convenience init(
    _ kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    returnIndices: Bool = false, ceiling: Bool = false
  ) {
    self.init(
      MaxWindowSettings(rank: 3, kernelSize, stride, padding, dilation, ceiling), returnIndices)
  }
}
