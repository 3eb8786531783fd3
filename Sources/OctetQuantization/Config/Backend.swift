import OctetTensor

/// A torch engine whose choices of observers a configuration follows. Octet's kernels are the same for all of them.
public enum Backend: String, Sendable, CaseIterable, Codable {
  /// Histograms in 0...127, a scale for each channel of the weight.
  case fbgemm
  /// As fbgemm; torch's default.
  case x86
  /// Histograms in 0...255, one scale for the weight.
  case qnnpack
  /// Histograms in 0...255, a scale for each channel of the weight.
  case onednn

  /// The backend of that name.
  ///
  /// - Throws: `invalidConfiguration` when there is none.
  public init(named name: String) throws(OctetError) {
    guard let backend = Backend(rawValue: name) else {
      throw OctetError(
        .invalidConfiguration, operation: "qconfig", argument: "backend",
        expected: "one of " + Backend.allCases.map(\.rawValue).joined(separator: ", "),
        received: "'\(name)'")
    }
    self = backend
  }
}

extension QConfig {
  /// What a backend wants for static quantization. torch's `get_default_qconfig`.
  ///
  /// - Throws: `invalidConfiguration` when `version` isn't 0.
  public static func getDefaultQConfig(backend: Backend = .x86, version: Int = 0)
    throws(OctetError) -> QConfig
  {
    guard version == 0 else {
      throw OctetError(
        .invalidConfiguration, operation: "get_default_qconfig", argument: "version",
        expected: "version 0", received: "version \(version)")
    }
    let narrow = ObserverFactory.histogram(
      RangeSettings(known: .quint8, .perTensorAffine, reduceRange: true))
    let wide = ObserverFactory.histogram(RangeSettings(known: .quint8, .perTensorAffine))
    switch backend {
    case .fbgemm, .x86:
      return QConfig(activation: narrow, weight: .defaultPerChannelWeightObserver)
    case .qnnpack: return QConfig(activation: wide, weight: .defaultWeightObserver)
    case .onednn: return QConfig(activation: wide, weight: .defaultPerChannelWeightObserver)
    }
  }
}
