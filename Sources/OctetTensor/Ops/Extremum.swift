// Extremes with their indices are two operators in a row: one finds the places, `GatherElements` fetches the values, so that
// gradients and quantizers follow by themselves.
extension Functional {
  /// The largest element, of shape []; on integers, keeping the quantizer. Equal ones share the gradient. torch.max.
  ///
  /// - Parameter input: any plain dtype, or quint8, qint8 and qint32 with a per-tensor quantizer; at least one element.
  public static func maximum(_ input: Tensor) throws(OctetError) -> Tensor {
    input.dtype.isFloatingPoint
      ? try maximum(input, dims: []) : try maximum(input.flattened(), dim: 0).values
  }

  /// The smallest element, of shape []; on integers, keeping the quantizer. Equal ones share the gradient. torch.min.
  ///
  /// - Parameter input: any plain dtype, or quint8, qint8 and qint32 with a per-tensor quantizer; at least one element.
  public static func minimum(_ input: Tensor) throws(OctetError) -> Tensor {
    input.dtype.isFloatingPoint
      ? try minimum(input, dims: []) : try minimum(input.flattened(), dim: 0).values
  }

  /// The largest elements along `dim` and their indices, int64; of equal ones the first. NaN is larger than every number.
  /// torch.max with a dim.
  public static func maximum(_ input: Tensor, dim: Int, keepDim: Bool = false) throws(OctetError)
    -> (values: Tensor, indices: Tensor)
  {
    try extremum(input, ArgMax(dim: dim, keepDim: true), keepDim: keepDim)
  }

  /// The smallest elements along `dim` and their indices, int64; of equal ones the first. NaN is smaller than every number.
  /// torch.min with a dim.
  public static func minimum(_ input: Tensor, dim: Int, keepDim: Bool = false) throws(OctetError)
    -> (values: Tensor, indices: Tensor)
  {
    try extremum(input, ArgMax(dim: dim, keepDim: true, largest: false), keepDim: keepDim)
  }

  private static func extremum(_ input: Tensor, _ choice: ArgMax, keepDim: Bool)
    throws(OctetError) -> (values: Tensor, indices: Tensor)
  {
    let indices = try apply(choice, [input])
    let values = try gather(input, dim: choice.dim, index: indices)
    if keepDim { return (values, indices) }
    return (try values.squeezed(choice.dim), try indices.squeezed(choice.dim))
  }
}
