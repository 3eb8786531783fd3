/// Another shape over the same elements. torch's view and reshape.
struct View: ViewOperator {
  static let torchName = "view"
  static let onnxName: String? = "Reshape"

  let shape: [Int]
  /// True when strides that don't allow a view ask for a copy instead of an error.
  let copies: Bool

  var name: String { copies ? "reshape" : "view" }

  func alias(_ x: Tensor) throws(OctetError) -> Tensor {
    try x.aliasView(shape, copying: copies, operation: name)
  }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try context.gradient.reshaped(context.inputSpecs[0].shape)]
  }
}

/// One index of a dimension, which disappears. torch's select.
struct Select: ViewOperator, IndexingOperator {
  static let torchName = "select"
  static let onnxName: String? = "Gather"

  let dim: Int
  let index: Int

  var element: Int? { dim == 0 ? index : nil }

  func alias(_ x: Tensor) throws(OctetError) -> Tensor {
    try x.aliasSelect(dim: dim, index: index)
  }
}

/// A range of a dimension in steps. torch's slice and narrow.
struct Slice: ViewOperator {
  static let torchName = "slice"
  static let onnxName: String? = "Slice"

  let dim: Int
  let range: Range<Int>
  let step: Int

  func alias(_ x: Tensor) throws(OctetError) -> Tensor {
    try x.aliasSlice(dim: dim, range, step: step)
  }
}

/// Dimensions in another order. torch.permute.
struct Permute: ViewOperator {
  static let torchName = "permute"
  static let onnxName: String? = "Transpose"

  let order: [Int]

  func alias(_ x: Tensor) throws(OctetError) -> Tensor { try x.aliasPermuted(order) }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    var inverse = order
    for (to, from) in order.enumerated() {
      inverse[Shapes.normalize(axis: from, rank: order.count) ?? 0] = to
    }
    return [try context.gradient.permuted(inverse)]
  }
}

/// Two dimensions swapped. torch.transpose.
struct Transpose: ViewOperator {
  static let torchName = "transpose"
  static let onnxName: String? = "Transpose"

  let first: Int
  let second: Int

  func alias(_ x: Tensor) throws(OctetError) -> Tensor { try x.aliasTransposed(first, second) }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try context.gradient.transposed(first, second)]
  }
}

/// Without a dimension of size 1. torch.squeeze.
struct Squeeze: ViewOperator {
  static let torchName = "squeeze"
  static let onnxName: String? = "Squeeze"

  let dim: Int

  func alias(_ x: Tensor) throws(OctetError) -> Tensor { try x.aliasSqueezed(dim) }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try context.gradient.reshaped(context.inputSpecs[0].shape)]
  }
}

/// With a new dimension of size 1. torch.unsqueeze.
struct Unsqueeze: ViewOperator {
  static let torchName = "unsqueeze"
  static let onnxName: String? = "Unsqueeze"

  let dim: Int

  func alias(_ x: Tensor) throws(OctetError) -> Tensor { try x.aliasUnsqueezed(dim) }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try context.gradient.reshaped(context.inputSpecs[0].shape)]
  }
}

/// Dimensions of size 1 as larger ones. torch's expand.
struct Expand: ViewOperator {
  static let torchName = "expand"
  static let onnxName: String? = "Expand"

  let sizes: [Int]

  func alias(_ x: Tensor) throws(OctetError) -> Tensor { try x.aliasExpanded(sizes) }
}

/// Sizes and strides of the caller's own over the storage. torch.as_strided.
struct AsStrided: ViewOperator {
  static let torchName = "as_strided"

  let shape: [Int]
  let strides: [Int]
  let offset: Int?

  /// The storage decides what fits; `alias` asks it.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    TensorSpec(shape: shape, dtype: inputs[0].dtype, quantizer: inputs[0].quantizer)
  }

  func alias(_ x: Tensor) throws(OctetError) -> Tensor {
    try x.aliasStrided(shape, strides: strides, offset: offset)
  }

  var saved: SavedForBackward { .inputs }

  /// Sums in a storage as large as the input's, read where the input's elements are.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let x = context.inputs[0]
    for (size, stride) in zip(x.shape, x.strides) where size > 1 && stride == 0 {
      throw error(
        .invalidArgument, "self", expected: "an input without repeated elements",
        received: "an expanded one of strides \(x.strides)", fix: "make it contiguous first")
    }
    let elements = x.storage.byteCount / (x.dtype.bitWidth / 8)
    let sums = try Tensor(repeating: Float(0), shape: [elements])
    try sums.aliasStrided(shape, strides: strides, offset: offset ?? x.offset)
      .accumulate(context.gradient.converted(to: .float32), Float.self)
    let result = try sums.aliasStrided(x.shape, strides: x.strides, offset: x.offset)
    return [try result.contiguous().converted(to: x.dtype)]
  }
}
