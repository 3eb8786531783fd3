/// Views: tensors that share the storage of the one they come from. torch's names and rules.
extension Tensor {
  /// The same elements under another shape; one size may be -1. torch's `view`.
  ///
  /// - Throws: `shapeMismatch` when the sizes don't multiply to the number of elements or the strides don't allow a view;
  ///   `invalidQuantizer` when a per-channel tensor would lose its channel axis.
  public func view(_ shape: [Int]) throws(OctetError) -> Tensor {
    try apply(View(shape: shape, copies: false), [self])
  }

  /// `view` when the strides allow it, a copy otherwise. torch's `reshape`.
  public func reshaped(_ shape: [Int]) throws(OctetError) -> Tensor {
    try apply(View(shape: shape, copies: true), [self])
  }

  /// Dimensions `start...end` as one. torch's `flatten`.
  public func flattened(from start: Int = 0, through end: Int = -1) throws(OctetError) -> Tensor {
    try apply(Flatten(start: start, end: end), [self])
  }

  /// Slice `index` of `dim`, which disappears; a slice of the channel axis has that channel's scale and zero point.
  /// torch's `select`.
  public func select(dim: Int, index: Int) throws(OctetError) -> Tensor {
    try apply(Select(dim: dim, index: index), [self])
  }

  /// Elements `range` of `dim` in steps. torch's `x[..., a:b:step]` and `narrow`.
  public func slice(dim: Int, _ range: Range<Int>, step: Int = 1) throws(OctetError) -> Tensor {
    try apply(Slice(dim: dim, range: range, step: step), [self])
  }

  /// Dimensions in another order. torch's `permute`.
  public func permuted(_ order: [Int]) throws(OctetError) -> Tensor {
    try apply(Permute(order: order), [self])
  }

  /// Two dimensions swapped. torch's `transpose`.
  public func transposed(_ a: Int, _ b: Int) throws(OctetError) -> Tensor {
    try apply(Transpose(first: a, second: b), [self])
  }

  /// Without the dimension `dim`, whose size is 1; unchanged when it is larger. torch's `squeeze(dim)`.
  public func squeezed(_ dim: Int) throws(OctetError) -> Tensor {
    try apply(Squeeze(dim: dim), [self])
  }

  /// With a new dimension of size 1 in front of `dim`. torch's `unsqueeze`.
  public func unsqueezed(_ dim: Int) throws(OctetError) -> Tensor {
    try apply(Unsqueeze(dim: dim), [self])
  }

  /// Dimensions of size 1 as larger ones, every index of which is the same element; new dimensions in front; -1 keeps a
  /// size. torch's `expand`.
  ///
  /// - Throws: `shapeMismatch` when another size would change; `invalidQuantizer` for per-channel tensors.
  public func expanded(_ sizes: [Int]) throws(OctetError) -> Tensor {
    try apply(Expand(sizes: sizes), [self])
  }

  /// A view with sizes and strides of one's own. torch's `as_strided`.
  ///
  /// - Parameters:
  ///   - offset: the first element's place in the storage, in elements; the tensor's own when nil.
  /// - Throws: `outOfRange` when an element would lie outside the storage; `invalidQuantizer` for per-channel tensors.
  public func asStrided(_ shape: [Int], strides: [Int], offset: Int? = nil) throws(OctetError)
    -> Tensor
  {
    try apply(AsStrided(shape: shape, strides: strides, offset: offset), [self])
  }
}
