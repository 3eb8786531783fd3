import OctetTensor

/// The windows of an average pool.
package struct AverageWindowSettings: Sendable {
  let kernel: [Int]
  let stride: [Int]
  let padding: [Int]
  let ceiling: Bool
  let countIncludePad: Bool
  let divisor: Int?

  /// Sizes for `rank` dimensions, given as one for all or as one for each. Traps on sizes that aren't positive.
  init(
    rank: Int, _ kernel: [Int], _ stride: [Int]?, _ padding: [Int], _ ceiling: Bool,
    _ countIncludePad: Bool, _ divisor: Int?
  ) {
    let layer = "AvgPool\(rank)d"
    self.kernel = spread(kernel, rank, "kernelSize", layer).map {
      positive($0, "kernelSize", layer)
    }
    self.stride = spread(stride ?? kernel, rank, "stride", layer).map {
      positive($0, "stride", layer)
    }
    self.padding = spread(padding, rank, "padding", layer)
    self.ceiling = ceiling
    self.countIncludePad = countIncludePad
    self.divisor = divisor.map { positive($0, "divisor", layer) }
  }
}

/// What 1-d, 2-d and 3-d average pools share: the mean of each window, on real and on quantized tensors.
public class AvgPool: Module {
  private let windows: AverageWindowSettings

  package required init(_ windows: AverageWindowSettings) { self.windows = windows }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Self(windows) }

  public override var details: String {
    "kernelSize: \(windows.kernel), stride: \(windows.stride), padding: \(windows.padding)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.avgPool(
      input, kernel: windows.kernel, stride: windows.stride, padding: windows.padding,
      ceiling: windows.ceiling, countIncludePad: windows.countIncludePad, divisor: windows.divisor)
  }
}

/// Over `[N, C, L]`. torch.nn.AvgPool1d.
public final class AvgPool1d: AvgPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up.
  public convenience init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceiling: Bool = false,
    countIncludePad: Bool = true
  ) {
    self.init(
      AverageWindowSettings(
        rank: 1, [kernelSize], stride.map { [$0] }, [padding], ceiling, countIncludePad, nil))
  }
}

/// Over `[N, C, H, W]`. torch.nn.AvgPool2d.
public final class AvgPool2d: AvgPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up; sums are divided by `divisor` when given.
  public convenience init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceiling: Bool = false,
    countIncludePad: Bool = true, divisor: Int? = nil
  ) {
    self.init(
      [kernelSize], stride: stride.map { [$0] }, padding: [padding], ceiling: ceiling,
      countIncludePad: countIncludePad, divisor: divisor)
  }

  /// The same with a value for height and one for width, or one for both.
  public convenience init(
    _ kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], ceiling: Bool = false,
    countIncludePad: Bool = true, divisor: Int? = nil
  ) {
    self.init(
      AverageWindowSettings(
        rank: 2, kernelSize, stride, padding, ceiling, countIncludePad, divisor))
  }
}

/// Over `[N, C, D, H, W]`. torch.nn.AvgPool3d.
public final class AvgPool3d: AvgPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up; sums are divided by `divisor` when given.
  public convenience init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceiling: Bool = false,
    countIncludePad: Bool = true, divisor: Int? = nil
  ) {
    self.init(
      [kernelSize], stride: stride.map { [$0] }, padding: [padding], ceiling: ceiling,
      countIncludePad: countIncludePad, divisor: divisor)
  }

  /// The same with a value for each of depth, height and width, or one for all.
  public convenience init(
    _ kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], ceiling: Bool = false,
    countIncludePad: Bool = true, divisor: Int? = nil
  ) {
    self.init(
      AverageWindowSettings(
        rank: 3, kernelSize, stride, padding, ceiling, countIncludePad, divisor))
  }
}
