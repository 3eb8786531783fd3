/// How scales and zero points are shared among a tensor's elements. Raw values are torch's names.
///
/// A tensor's own scheme is always one of the affine ones: symmetric is how an observer chooses parameters.
public enum QScheme: String, Sendable, CaseIterable, Codable {
  /// One scale and zero point.
  case perTensorAffine = "per_tensor_affine"
  /// One scale; the zero point is 0 (the middle for unsigned types).
  case perTensorSymmetric = "per_tensor_symmetric"
  /// A scale and zero point for each index of one axis.
  case perChannelAffine = "per_channel_affine"
  /// A scale for each index of one axis; zero points 0.
  case perChannelSymmetric = "per_channel_symmetric"
  /// A scale and a real zero point for each index of one axis.
  case perChannelAffineFloatQParams = "per_channel_affine_float_qparams"

  /// True when each index of an axis has its own parameters.
  public var isPerChannel: Bool {
    switch self {
    case .perTensorAffine, .perTensorSymmetric: false
    case .perChannelAffine, .perChannelSymmetric, .perChannelAffineFloatQParams: true
    }
  }

  /// True when zero points are fixed to the middle of the range.
  public var isSymmetric: Bool { self == .perTensorSymmetric || self == .perChannelSymmetric }
}
