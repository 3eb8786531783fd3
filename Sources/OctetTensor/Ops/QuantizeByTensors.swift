// torch takes scales and zero points as tensors, and several tensors at once.
extension Functional {
  /// `quantizePerTensor` with parameters of one element each. torch.quantize_per_tensor with tensors.
  ///
  /// - Parameters:
  ///   - scale: any float dtype, one element.
  ///   - zeroPoint: any integer dtype, one element.
  public static func quantizePerTensor(
    _ input: Tensor, scale: Tensor, zeroPoint: Tensor, dtype: DType
  ) throws(OctetError) -> Tensor {
    let (scales, zeros) = try parameters(scale, zeroPoint, "quantize_per_tensor", count: 1)
    return try quantizePerTensor(input, scale: scales[0], zeroPoint: zeros[0], dtype: dtype)
  }

  /// `quantizePerTensor` of several tensors, each with its own element of `scales` and `zeroPoints`. torch.quantize_per_tensor with a
  /// list.
  public static func quantizePerTensor(
    _ inputs: [Tensor], scales: Tensor, zeroPoints: Tensor, dtype: DType
  ) throws(OctetError) -> [Tensor] {
    let (scales, zeros) = try parameters(
      scales, zeroPoints, "quantize_per_tensor", count: inputs.count)
    var results: [Tensor] = []
    for (i, input) in inputs.enumerated() {
      results.append(
        try quantizePerTensor(input, scale: scales[i], zeroPoint: zeros[i], dtype: dtype))
    }
    return results
  }

  /// `quantizePerChannel` with parameters of an element for each index of `axis`; real zero points are added before rounding.
  /// torch.quantize_per_channel.
  public static func quantizePerChannel(
    _ input: Tensor, scales: Tensor, zeroPoints: Tensor, axis: Int, dtype: DType
  ) throws(OctetError) -> Tensor {
    guard zeroPoints.dtype.isFloatingPoint else {
      let (scales, zeros) = try parameters(scales, zeroPoints, "quantize_per_channel", count: nil)
      return try quantizePerChannel(
        input, scales: scales, zeroPoints: zeros, axis: axis, dtype: dtype)
    }
    return try quantizePerChannel(
      input, scales: scales.converted(to: .float32).elements(),
      floatZeroPoints: zeroPoints.converted(to: .float32).elements(), axis: axis, dtype: dtype)
  }

  /// `dequantize` of each tensor. torch.dequantize with a list.
  public static func dequantize(_ inputs: [Tensor]) throws(OctetError) -> [Tensor] {
    var results: [Tensor] = []
    for input in inputs { results.append(try dequantize(input)) }
    return results
  }

  private static func parameters(
    _ scales: Tensor, _ zeroPoints: Tensor, _ operation: String, count: Int?
  ) throws(OctetError) -> (scales: [Double], zeroPoints: [Int]) {
    guard !zeroPoints.dtype.isFloatingPoint else {
      throw OctetError(
        .dtypeMismatch, operation: operation, argument: "zero_points",
        expected: "an integer dtype", received: "dtype \(zeroPoints.dtype.rawValue)")
    }
    if let count, scales.count != count || zeroPoints.count != count {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "scales",
        expected: "a scale and zero point for each of the \(count) tensors",
        received: "\(scales.count) scales and \(zeroPoints.count) zero points")
    }
    let words: [Int64] = try zeroPoints.converted(to: .int64).elements()
    return (try scales.converted(to: .float64).elements(), words.map { Int($0) })
  }
}
