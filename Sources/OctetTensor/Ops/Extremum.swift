extension Functional {
  /// The largest element, of shape []: on integers, keeping the quantizer. torch.max.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32, per tensor, at least one element.
  public static func maximum(_ input: Tensor) throws(OctetError) -> Tensor {
    try extremum(input.flattened(), dim: 0, keepDim: false, "max", largest: true).values
  }

  /// The smallest element, of shape []: on integers, keeping the quantizer. torch.min.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32, per tensor, at least one element.
  public static func minimum(_ input: Tensor) throws(OctetError) -> Tensor {
    try extremum(input.flattened(), dim: 0, keepDim: false, "min", largest: false).values
  }

  /// The largest elements along `dim` and their indices, int64; of equal ones the first. NaN is larger than every number.
  /// torch.max with a dim.
  public static func maximum(_ input: Tensor, dim: Int, keepDim: Bool = false) throws(OctetError) -> (
    values: Tensor, indices: Tensor
  ) {
    try extremum(input, dim: dim, keepDim: keepDim, "max", largest: true)
  }

  /// The smallest elements along `dim` and their indices, int64; of equal ones the first. NaN is smaller than every number.
  /// torch.min with a dim.
  public static func minimum(_ input: Tensor, dim: Int, keepDim: Bool = false) throws(OctetError) -> (
    values: Tensor, indices: Tensor
  ) {
    try extremum(input, dim: dim, keepDim: keepDim, "min", largest: false)
  }

  private static func extremum(
    _ input: Tensor, dim: Int, keepDim: Bool, _ name: String, largest: Bool
  ) throws(OctetError) -> (values: Tensor, indices: Tensor) {
    try input.requirePlainElements(name)
    let d = try axis(dim, of: input, name)
    guard input.shape[d] > 0 else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "self", expected: "at least one element",
        received: "shape \(input.shape)")
    }
    var shape = input.shape
    shape[d] = 1
    if !keepDim { shape.remove(at: d) }
    func choose<Scalar: TensorScalar>(
      _ type: Scalar.Type, _ better: @escaping (Scalar, Scalar) -> Bool
    ) throws(OctetError) -> (values: Tensor, indices: Tensor) {
      let lanes = try Lanes<Scalar>(input, dim: d)
      return try LaneResults(lanes, length: 1) { lane in
        var best = 0
        for (i, value) in lane.enumerated() where better(value, lane[best]) { best = i }
        return [best]
      }.tensors(shape, like: input)
    }
    switch input.dtype {
    case .float32:
      return try choose(Float.self) { new, best in
        if new.isNaN || best.isNaN { return new.isNaN && !best.isNaN }
        return largest ? new > best : new < best
      }
    case .quint8: return try choose(UInt8.self) { largest ? $0 > $1 : $0 < $1 }
    case .qint8: return try choose(Int8.self) { largest ? $0 > $1 : $0 < $1 }
    case .qint32: return try choose(Int32.self) { largest ? $0 > $1 : $0 < $1 }
    default: throw unordered(input, name)
    }
  }

  static func unordered(_ input: Tensor, _ name: String) -> OctetError {
    OctetError(
      .dtypeMismatch, operation: name, argument: "self",
      expected: "dtype float32, quint8, qint8 or qint32",
      received: "dtype \(input.dtype.rawValue)")
  }
}
