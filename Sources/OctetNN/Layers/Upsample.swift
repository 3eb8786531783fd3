import OctetTensor

/// `Functional.interpolate` with fixed arguments, on real and on quantized tensors. torch.nn.Upsample.
public final class Upsample: Module {
  private let size: [Int]?
  private let scaleFactor: [Double]?
  private let mode: InterpolationMode
  private let alignCorners: Bool?
  private let recomputeScaleFactor: Bool

  private init(
    size: [Int]?, scaleFactor: [Double]?, _ mode: InterpolationMode, _ alignCorners: Bool?,
    _ recomputeScaleFactor: Bool
  ) {
    self.size = size
    self.scaleFactor = scaleFactor
    self.mode = mode
    self.alignCorners = alignCorners
    self.recomputeScaleFactor = recomputeScaleFactor
  }

  /// To a size for each spatial dimension, or one for all.
  public convenience init(
    size: [Int], mode: InterpolationMode = .nearest, alignCorners: Bool? = nil
  ) {
    self.init(size: size, scaleFactor: nil, mode, alignCorners, false)
  }

  /// To one size for all spatial dimensions.
  public convenience init(
    size: Int, mode: InterpolationMode = .nearest, alignCorners: Bool? = nil
  ) {
    self.init(size: [size], mode: mode, alignCorners: alignCorners)
  }

  /// By one factor for all spatial dimensions.
  public convenience init(
    scaleFactor: Double, mode: InterpolationMode = .nearest, alignCorners: Bool? = nil,
    recomputeScaleFactor: Bool = false
  ) {
    self.init(
      scaleFactor: [scaleFactor], mode: mode, alignCorners: alignCorners,
      recomputeScaleFactor: recomputeScaleFactor)
  }

  /// By a factor for each spatial dimension, or one for all; steps between elements follow from sizes when `recomputeScaleFactor`.
  public convenience init(
    scaleFactor: [Double], mode: InterpolationMode = .nearest, alignCorners: Bool? = nil,
    recomputeScaleFactor: Bool = false
  ) {
    self.init(size: nil, scaleFactor: scaleFactor, mode, alignCorners, recomputeScaleFactor)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Upsample(size: size, scaleFactor: scaleFactor, mode, alignCorners, recomputeScaleFactor)
  }

  public override var details: String {
    let target = size.map { "size: \($0)" } ?? scaleFactor.map { "scaleFactor: \($0)" } ?? ""
    return "\(target), mode: \(mode.rawValue)"
      + (recomputeScaleFactor ? ", recomputeScaleFactor: true" : "")
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.interpolate(
      input, size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners,
      recomputeScaleFactor: recomputeScaleFactor)
  }
}
