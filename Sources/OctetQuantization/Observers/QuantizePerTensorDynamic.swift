import OctetTensor

extension Functional {
  /// `quantizePerTensor` with the scale and zero point that the tensor's own range gives. torch.quantize_per_tensor_dynamic.
  ///
  /// - Parameters:
  ///   - input: float32, any shape, finite values.
  ///   - dtype: quint8 or qint8.
  ///   - reduceRange: leaves a bit unused, so that products can't saturate on old CPUs.
  public static func quantizePerTensorDynamic(
    _ input: Tensor, dtype: DType, reduceRange: Bool = false
  ) throws(OctetError) -> Tensor {
    let name = "quantize_per_tensor_dynamic"
    guard dtype == .quint8 || dtype == .qint8, let range = dtype.integerRange else {
      throw OctetError(
        .dtypeMismatch, operation: name, argument: "dtype", expected: "quint8 or qint8",
        received: "dtype \(dtype.rawValue)")
    }
    let chosen = try RuntimeParameters.choose(
      for: input, qmin: range.lowerBound, qmax: range.upperBound, reduceRange: reduceRange,
      operation: name)
    return try quantizePerTensor(
      input, scale: chosen.scale, zeroPoint: chosen.zeroPoint, dtype: dtype)
  }
}
