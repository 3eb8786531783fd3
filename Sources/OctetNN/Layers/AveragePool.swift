import OctetTensor

/// What 1-d, 2-d and 3-d average pools share: the mean of each window, on real and on quantized tensors.
public class AvgPool: Module {
  private let kernel: [Int]
  private let stride: [Int]
  private let padding: [Int]
  private let ceiling: Bool
  private let countIncludePad: Bool
  private let divisor: Int?

  init(
    _ kernel: [Int], _ stride: [Int]?, _ padding: [Int], _ ceiling: Bool, _ countIncludePad: Bool,
    _ divisor: Int?
  ) {
    let layer = "AvgPool\(kernel.count)d"
    self.kernel = kernel.map { positive($0, "kernelSize", layer) }
    self.stride = (stride ?? kernel).map { positive($0, "stride", layer) }
    self.padding = padding
    self.ceiling = ceiling
    self.countIncludePad = countIncludePad
    self.divisor = divisor.map { positive($0, "divisor", layer) }
  }

  public override var details: String {
    "kernelSize: \(kernel), stride: \(stride), padding: \(padding)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.avgPool(
      input, kernel: kernel, stride: stride, padding: padding, ceiling: ceiling,
      countIncludePad: countIncludePad, divisor: divisor)
  }
}

/// Over `[N, C, L]`. torch.nn.AvgPool1d.
public final class AvgPool1d: AvgPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up.
  public init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceiling: Bool = false,
    countIncludePad: Bool = true
  ) {
    super.init([kernelSize], stride.map { [$0] }, [padding], ceiling, countIncludePad, nil)
  }
}

/// Over `[N, C, H, W]`. torch.nn.AvgPool2d.
public final class AvgPool2d: AvgPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up; sums are divided by `divisor` when given.
  public init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceiling: Bool = false,
    countIncludePad: Bool = true, divisor: Int? = nil
  ) {
    func spread(_ value: Int) -> [Int] { [value, value] }
    super.init(
      spread(kernelSize), stride.map(spread), spread(padding), ceiling, countIncludePad, divisor)
  }
}

/// Over `[N, C, D, H, W]`. torch.nn.AvgPool3d.
public final class AvgPool3d: AvgPool {
  /// The stride is the kernel's size when nil; `ceiling` rounds the output size up; sums are divided by `divisor` when given.
  public init(
    _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceiling: Bool = false,
    countIncludePad: Bool = true, divisor: Int? = nil
  ) {
    func spread(_ value: Int) -> [Int] { [value, value, value] }
    super.init(
      spread(kernelSize), stride.map(spread), spread(padding), ceiling, countIncludePad, divisor)
  }
}

/// What 1-d, 2-d and 3-d adaptive average pools share: means over windows that divide the input evenly.
public class AdaptiveAvgPool: Module {
  private let outputSize: [Int?]

  init(_ outputSize: [Int?]) {
    self.outputSize = outputSize
    for size in outputSize {
      if let size { _ = positive(size, "outputSize", "AdaptiveAvgPool\(outputSize.count)d") }
    }
  }

  public override var details: String {
    "outputSize: \(outputSize.map { $0.map(String.init) ?? "nil" }.joined(separator: ", "))"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.adaptiveAvgPool(input, outputSize: outputSize)
  }
}

/// Over `[N, C, L]`. torch.nn.AdaptiveAvgPool1d.
public final class AdaptiveAvgPool1d: AdaptiveAvgPool {
  /// To `outputSize` elements.
  public init(_ outputSize: Int) { super.init([outputSize]) }
}

/// Over `[N, C, H, W]`. torch.nn.AdaptiveAvgPool2d.
public final class AdaptiveAvgPool2d: AdaptiveAvgPool {
  /// To a square.
  public init(_ outputSize: Int) { super.init([outputSize, outputSize]) }
  /// To height and width; nil keeps the input's.
  public init(height: Int?, width: Int?) { super.init([height, width]) }
}

/// Over `[N, C, D, H, W]`. torch.nn.AdaptiveAvgPool3d.
public final class AdaptiveAvgPool3d: AdaptiveAvgPool {
  /// To a cube.
  public init(_ outputSize: Int) { super.init([outputSize, outputSize, outputSize]) }
  /// To depth, height and width; nil keeps the input's.
  public init(depth: Int?, height: Int?, width: Int?) { super.init([depth, height, width]) }
}
