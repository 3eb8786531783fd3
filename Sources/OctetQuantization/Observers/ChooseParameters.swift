import OctetTensor

extension Functional {
  /// Scale and zero point for quint8 by the run-time rule. torch._choose_qparams_per_tensor.
  ///
  /// - Parameters:
  ///   - input: a float tensor; an empty one is taken as zero.
  ///   - reduceRange: 0...127 instead of 0...255.
  /// - Throws: `invalidQuantizer` when a value isn't finite.
  public static func chooseQParamsPerTensor(_ input: Tensor, reduceRange: Bool = false)
    throws(OctetError) -> (scale: Double, zeroPoint: Int)
  {
    try RuntimeParameters.choose(
      for: input, reduceRange: reduceRange, operation: "_choose_qparams_per_tensor")
  }

  /// Scale and zero point by the observers' affine rule. torch.ops.quantized_decomposed.choose_qparams.
  ///
  /// - Parameters:
  ///   - input: a float tensor with at least one element.
  ///   - quantMin: the smallest integer.
  ///   - quantMax: the largest integer.
  ///   - eps: the smallest scale.
  ///   - dtype: the integer type.
  /// - Throws: `invalidArgument` for an empty input; `invalidQuantizer` when a value isn't finite, the integers are no range
  ///   or eps isn't positive.
  public static func chooseQParams(
    _ input: Tensor, quantMin: Int, quantMax: Int, eps: Float, dtype: DType
  ) throws(OctetError) -> (scale: Double, zeroPoint: Int) {
    let found = try finiteExtremes(input, quantMin, quantMax, eps, "choose_qparams")
    let chosen = ParameterRules.affine(
      min: found.min, max: found.max, qmin: quantMin, qmax: quantMax, eps: eps)
    return (Double(chosen.scale), chosen.zeroPoint)
  }

  /// As `chooseQParams` by the symmetric rule: zero point 0, 128 for uint8.
  /// torch.ops.quantized_decomposed.choose_qparams_symmetric.
  public static func chooseQParamsSymmetric(
    _ input: Tensor, quantMin: Int, quantMax: Int, eps: Float, dtype: DType
  ) throws(OctetError) -> (scale: Double, zeroPoint: Int) {
    let found = try finiteExtremes(input, quantMin, quantMax, eps, "choose_qparams_symmetric")
    let scale = ParameterRules.symmetric(
      min: found.min, max: found.max, qmin: quantMin, qmax: quantMax, eps: eps)
    return (Double(scale), dtype.storageDType == .uint8 ? 128 : 0)
  }

  private static func finiteExtremes(
    _ input: Tensor, _ quantMin: Int, _ quantMax: Int, _ eps: Float, _ operation: String
  ) throws(OctetError) -> Extremes {
    try ParameterRules.checkIntegers(quantMin, quantMax, operation)
    guard eps > 0, eps.isFinite else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "eps",
        expected: "a positive finite number", received: "\(eps)")
    }
    guard input.dtype.isFloatingPoint, input.count > 0 else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "input",
        expected: "a float tensor with elements",
        received: "\(input.dtype.rawValue) of shape \(input.shape)")
    }
    let found = try RangeScan.extremes(of: input.converted(to: .float32))
    guard found.min.isFinite, found.max.isFinite else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "input", expected: "finite values",
        received: "values from \(found.min) to \(found.max)",
        fix: "look for the layer that produces NaN or infinity")
    }
    return found
  }
}
