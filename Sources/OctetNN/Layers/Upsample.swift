import OctetTensor

/// `Functional.interpolate` with fixed arguments, on real and on quantized tensors. torch.nn.Upsample.
public final class Upsample: Module {
  private let size: [Int]?
  private let scaleFactor: [Double]?
  private let mode: InterpolationMode
  private let alignCorners: Bool?

  /// To a size.
  public init(
    size: [Int], mode: InterpolationMode = .nearest, alignCorners: Bool? = nil
  ) {
    self.size = size
    scaleFactor = nil
    self.mode = mode
    self.alignCorners = alignCorners
  }

  /// By one factor for all spatial dimensions.
  public convenience init(
    scaleFactor: Double, mode: InterpolationMode = .nearest, alignCorners: Bool? = nil
  ) {
    self.init(scaleFactor: [scaleFactor], mode: mode, alignCorners: alignCorners)
  }

  /// By a factor for each spatial dimension, or one for all.
  public init(
    scaleFactor: [Double], mode: InterpolationMode = .nearest, alignCorners: Bool? = nil
  ) {
    size = nil
    self.scaleFactor = scaleFactor
    self.mode = mode
    self.alignCorners = alignCorners
  }

  private init(_ other: Upsample) {
    size = other.size
    scaleFactor = other.scaleFactor
    mode = other.mode
    alignCorners = other.alignCorners
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Upsample(self) }

  public override var details: String {
    let target = size.map { "size: \($0)" } ?? scaleFactor.map { "scaleFactor: \($0)" } ?? ""
    return "\(target), mode: \(mode.rawValue)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.interpolate(
      input, size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners)
  }
}
