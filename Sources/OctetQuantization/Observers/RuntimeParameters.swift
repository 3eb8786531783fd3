import OctetTensor

/// Parameters that dynamic modules choose for each input.
package enum RuntimeParameters {
  /// Scale and zero point of quint8 (or of the range given) for the values of `input`, by `ParameterRules.chooseParameters`. torch's
  /// `_choose_qparams_per_tensor`.
  ///
  /// - Parameters:
  ///   - input: a float tensor. An empty one is taken as zero.
  ///   - reduceRange: 0...127 instead of 0...255.
  /// - Throws: `quantizationMismatch` for quantized input; `invalidQuantizer` when a value isn't finite.
  package static func choose(
    for input: Tensor, qmin: Int = 0, qmax: Int = 255, reduceRange: Bool,
    operation: String = "choose_qparams"
  ) throws(OctetError) -> (scale: Double, zeroPoint: Int) {
    guard !input.isQuantized else {
      throw OctetError(
        .quantizationMismatch, operation: operation, argument: "input", expected: "a float tensor",
        received: "a quantized one (\(input.dtype.rawValue))", fix: "dequantize the input first")
    }
    var found = try RangeScan.extremes(of: input.converted(to: .float32))
    if input.count == 0 { found = Extremes(min: 0, max: 0) }
    return try ParameterRules.chooseParameters(
      min: found.min, max: found.max, qmin: qmin, qmax: qmax, reduceRange: reduceRange,
      operation: operation)
  }
}
