import OctetTensor

/// What 1-d, 2-d and 3-d adaptive average pools share: means over windows that divide the input evenly.
public class AdaptiveAvgPool: Module {
  private let outputSize: [Int?]

  /// Traps on sizes that aren't positive.
  package required init(_ outputSize: [Int?]) {
    self.outputSize = outputSize
    for size in outputSize {
      if let size { _ = positive(size, "outputSize", "AdaptiveAvgPool\(outputSize.count)d") }
    }
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Self(outputSize) }

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
  public convenience init(_ outputSize: Int) { self.init([outputSize]) }
}

/// Over `[N, C, H, W]`. torch.nn.AdaptiveAvgPool2d.
public final class AdaptiveAvgPool2d: AdaptiveAvgPool {
  /// To a square.
  public convenience init(_ outputSize: Int) { self.init([outputSize, outputSize]) }
  /// To height and width; nil keeps the input's.
  public convenience init(height: Int?, width: Int?) { self.init([height, width]) }
}

/// Over `[N, C, D, H, W]`. torch.nn.AdaptiveAvgPool3d.
public final class AdaptiveAvgPool3d: AdaptiveAvgPool {
  /// To a cube.
  public convenience init(_ outputSize: Int) { self.init([outputSize, outputSize, outputSize]) }
  /// To depth, height and width; nil keeps the input's.
  public convenience init(depth: Int?, height: Int?, width: Int?) {
    self.init([depth, height, width])
  }
}

/// What 1-d, 2-d and 3-d adaptive max pools share: the largest elements of windows that divide the input evenly.
public class AdaptiveMaxPool: IndexedPool {
  private let outputSize: [Int?]

  /// Traps on sizes that aren't positive.
  package required init(_ outputSize: [Int?], _ returnIndices: Bool) {
    self.outputSize = outputSize
    super.init(returnIndices: returnIndices)
    for size in outputSize {
      if let size { _ = positive(size, "outputSize", "AdaptiveMaxPool\(outputSize.count)d") }
    }
  }

  public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Self(outputSize, returnIndices)
  }

  public override var details: String {
    "outputSize: \(outputSize.map { $0.map(String.init) ?? "nil" }.joined(separator: ", "))"
      + (returnIndices ? ", returnIndices: true" : "")
  }

  final override func pooledWithIndices(_ input: Tensor) throws -> (output: Tensor, indices: Tensor)
  {
    try Functional.adaptiveMaxPoolWithIndices(input, outputSize: outputSize)
  }

  public final override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.adaptiveMaxPool(input, outputSize: outputSize)
  }
}

/// Over `[N, C, L]`. torch.nn.AdaptiveMaxPool1d.
public final class AdaptiveMaxPool1d: AdaptiveMaxPool {
  /// To `outputSize` elements.
  public convenience init(_ outputSize: Int, returnIndices: Bool = false) {
    self.init([outputSize], returnIndices)
  }
}

/// Over `[N, C, H, W]`. torch.nn.AdaptiveMaxPool2d.
public final class AdaptiveMaxPool2d: AdaptiveMaxPool {
  /// To a square.
  public convenience init(_ outputSize: Int, returnIndices: Bool = false) {
    self.init([outputSize, outputSize], returnIndices)
  }
  /// To height and width; nil keeps the input's.
  public convenience init(height: Int?, width: Int?, returnIndices: Bool = false) {
    self.init([height, width], returnIndices)
  }
}

/// Over `[N, C, D, H, W]`. torch.nn.AdaptiveMaxPool3d.
public final class AdaptiveMaxPool3d: AdaptiveMaxPool {
  /// To a cube.
  public convenience init(_ outputSize: Int, returnIndices: Bool = false) {
    self.init([outputSize, outputSize, outputSize], returnIndices)
  }
  /// To depth, height and width; nil keeps the input's.
  public convenience init(
    depth: Int?, height: Int?, width: Int?, returnIndices: Bool = false
  ) {
    self.init([depth, height, width], returnIndices)
  }
}
