import OctetNN
import OctetTensor

/// What conversion knows when it makes a module's quantized form.
struct ConversionContext {
  /// The module's configuration.
  let qconfig: QConfig
  /// The observer that watched the module's output, nil for dynamic conversion.
  let activation: Observer?
  /// The form's name in error messages.
  let operation: String

  /// The output's scale and zero point.
  func outputParameters() throws -> (scale: Double, zeroPoint: Int) {
    guard let activation else {
      throw OctetError(
        .notObserved, operation: operation, argument: "activation_post_process",
        expected: "an observer that watched this module's output", received: "none",
        fix: "call prepare and run calibration data before convert")
    }
    let parameters = try activation.calculateParameters()
    guard case .integer(let zeros) = parameters.zeroPoints, parameters.axis == nil,
      let scale = parameters.scales.first, let zero = zeros.first
    else {
      throw OctetError(
        .invalidConfiguration, operation: operation, argument: "activation",
        expected: "a per-tensor scheme for activations", received: "\(type(of: activation))")
    }
    return (Double(scale), zero)
  }

  /// `weight` as qint8, by a fresh weight observer that sees it once.
  func quantizedWeight(_ weight: Tensor) throws -> Tensor {
    let observer = qconfig.weight()
    guard observer.dtype == .qint8 else {
      throw OctetError(
        .invalidConfiguration, operation: operation, argument: "weight",
        expected: "a weight observer of dtype qint8", received: "dtype \(observer.dtype.rawValue)",
        fix: "choose a weight observer for qint8")
    }
    _ = try observer.evaluate(weight)
    let quantizer = try observer.calculateParameters().quantizer(for: weight.shape)
    return try Functional.quantize(weight, quantizer, dtype: .qint8)
  }
}
