import OctetNN
import OctetTensor

/// What conversion knows when it makes a module's quantized form.
struct ConversionContext {
  /// The module's configuration.
  let qconfig: QConfig
  /// The observer that watched the module's output, nil for dynamic conversion.
  let activation: Observer?
  /// The fake quantizer that rounded the weight in training, nil for float modules.
  var weightFakeQuant: Observer?
  /// True to take that fake quantizer's parameters without showing it the weight again.
  var usesPrecomputedFakeQuant = false
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

  /// What knows the weight's range: the fake quantizer it was trained with, or a fresh observer.
  var weightObserver: Observer { weightFakeQuant ?? qconfig.weight() }

  /// Parameters for `weight` by an observer that sees it once, once more after training. What a fake quantizer remembers stays as it
  /// was: conversion may still be refused.
  func weightParameters(_ weight: Tensor, _ observer: Observer) throws -> QuantizationParameters {
    if usesPrecomputedFakeQuant, observer === weightFakeQuant {
      return try observer.calculateParameters()
    }
    let before = observer.stateDictionary()
    defer { _ = try? observer.load(before) }
    _ = try noGrad { try observer.evaluate(weight) }
    return try observer.calculateParameters()
  }

  /// `weight` as qint8.
  func quantizedWeight(_ weight: Tensor) throws -> Tensor {
    let observer = weightObserver
    guard observer.dtype == .qint8 else {
      throw OctetError(
        .invalidConfiguration, operation: operation, argument: "weight",
        expected: "a weight observer of dtype qint8", received: "dtype \(observer.dtype.rawValue)",
        fix: "choose a weight observer for qint8")
    }
    let quantizer = try weightParameters(weight, observer).quantizer(for: weight.shape)
    return try Functional.quantize(weight, quantizer, dtype: .qint8)
  }
}
