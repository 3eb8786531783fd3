extension QuantizedDecomposed {
  /// A symmetric int8 scale for each row along the last dimension: `scale = max(max|x|, 1e-5) / 127`, zero point 0.
  /// torch.ops.quantized_decomposed.choose_qparams_per_token.
  ///
  /// - Parameter input: float32 `[..., K]`, K at least 1.
  /// - Returns: scales, float32 `[..., 1]`, and zero points, float32 `[..., 1]`.
  public static func chooseQParamsPerToken(
    _ input: Tensor, dtype: DType = .int8
  ) throws(OctetError) -> (scale: Tensor, zeroPoint: Tensor) {
    let name = "quantized_decomposed.choose_qparams_per_token"
    let rows = try TokenRows(input, dtype: dtype, operation: name)
    let scales = rows.map { row -> Float in
      var largest: Float = 0
      for x in row { largest = x.isNaN || largest.isNaN ? .nan : max(largest, abs(x)) }
      return (largest < 1e-5 ? 1e-5 : largest) / 127
    }
    return (
      try Tensor(scales, shape: rows.shape),
      try Tensor([Float](repeating: 0, count: scales.count), shape: rows.shape)
    )
  }

  /// An affine int8 scale and zero point for each row along the last dimension, over the row's range with 0 in it:
  /// `scale = max((max - min) / 255, 2^-23)`; the zero point comes from the end of the range with the smaller error.
  /// torch.ops.quantized_decomposed._choose_qparams_per_token_asymmetric_impl.
  ///
  /// - Parameter input: float32 `[..., K]`, K at least 1.
  /// - Returns: scales, float64 `[..., 1]`, and zero points, int64 `[..., 1]`.
  public static func chooseQParamsPerTokenAsymmetric(
    _ input: Tensor, dtype: DType = .int8
  ) throws(OctetError) -> (scale: Tensor, zeroPoint: Tensor) {
    let name = "quantized_decomposed._choose_qparams_per_token_asymmetric_impl"
    let rows = try TokenRows(input, dtype: dtype, operation: name)
    var scales: [Double] = []
    var zeros: [Int64] = []
    for row in rows.map({ Array($0) }) {
      var (low, high): (Float, Float) = (0, 0)
      for x in row {
        guard x.isFinite else {
          throw OctetError(
            .invalidArgument, operation: name, argument: "input", expected: "finite elements",
            received: "\(x)")
        }
        (low, high) = (min(low, x), max(high, x))
      }
      let scale = max((high - low) / 255, Float.ulpOfOne)
      let (bottom, top) = (low / scale, high / scale)
      let zero = (-128 + bottom) + (127 + top) > 0 ? -128 - bottom : 127 - top
      scales.append(Double(scale))
      zeros.append(Int64(min(max(zero, -128), 127).rounded(.toNearestOrEven)))
    }
    return (try Tensor(scales, shape: rows.shape), try Tensor(zeros, shape: rows.shape))
  }
}

/// The rows of a tensor along its last dimension.
private struct TokenRows {
  /// The tensor's shape with 1 in place of the last size.
  let shape: [Int]
  private let elements: [Float]
  private let length: Int

  init(_ input: Tensor, dtype: DType, operation: String) throws(OctetError) {
    guard dtype == .int8 else {
      throw OctetError(
        .dtypeMismatch, operation: operation, argument: "dtype", expected: "dtype int8",
        received: "dtype \(dtype.rawValue)")
    }
    guard input.dtype == .float32 else {
      throw OctetError(
        .dtypeMismatch, operation: operation, argument: "input", expected: "dtype float32",
        received: "dtype \(input.dtype.rawValue)")
    }
    guard let last = input.shape.last, last > 0 else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "shape [..., K] with K at least 1", received: "\(input.shape)")
    }
    shape = Array(input.shape.dropLast()) + [1]
    length = last
    elements = try input.elements()
  }

  func map<Result>(_ body: (ArraySlice<Float>) -> Result) -> [Result] {
    stride(from: 0, to: elements.count, by: length).map { body(elements[$0..<$0 + length]) }
  }
}
