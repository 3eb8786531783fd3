import COctet

/// The embedding family of the C library.
extension Kernel {
  /// Bytes of a packed row of `dim` codes with its scale and bias.
  static func embeddingRowSize(_ bits: EmbeddingBits, dim: Int, _ operation: String)
    throws(OctetError) -> Int
  {
    var size = 0
    try check(oct_embedding_row_size(bits.kernelValue, dim, &size), operation)
    return size
  }

  /// Packs contiguous float32 `[N, D]`, each row by its own range.
  static func quantizeEmbedding(
    _ weight: Tensor, _ bits: EmbeddingBits, into table: Tensor, _ operation: String
  ) throws(OctetError) {
    try check(
      oct_embedding_quantize(
        weight.baseAddress.assumingMemoryBound(to: Float.self), bits.kernelValue, weight.shape[0],
        weight.shape[1], table.baseAddress, table.count), operation)
  }

  /// Packs contiguous codes `[N, D]`, a byte each, with the rows' parameters.
  static func packEmbedding(
    _ codes: Tensor, scales: [Float], zeroPoints: [Float], _ bits: EmbeddingBits,
    into table: Tensor, _ operation: String
  ) throws(OctetError) {
    try check(
      oct_embedding_pack(
        codes.baseAddress.assumingMemoryBound(to: UInt8.self), scales, zeroPoints,
        bits.kernelValue, codes.shape[0], codes.shape[1], table.baseAddress, table.count),
      operation)
  }

  /// The real values of every row of a contiguous table.
  static func unpackEmbedding(
    _ table: Tensor, _ bits: EmbeddingBits, into y: Tensor, _ operation: String
  ) throws(OctetError) {
    try run(workspace: 0, operation) { run in
      oct_embedding_unpack(
        table.baseAddress, table.count, bits.kernelValue, y.shape[0], y.shape[1],
        y.baseAddress.assumingMemoryBound(to: Float.self), y.count, run)
    }
  }

  /// Sums rows of a contiguous table over bags of contiguous indices into `[bags, dim]`; without offsets every index is a bag.
  static func embeddingBag(
    _ table: Tensor, _ bits: EmbeddingBits, indices: Tensor, offsets: Tensor?, weights: Tensor?,
    includeLastOffset: Bool, dim: Int, into y: Tensor, _ operation: String
  ) throws(OctetError) {
    var bag = oct_embedding_bag()
    bag.struct_size = UInt32(MemoryLayout<oct_embedding_bag>.size)
    bag.bits = bits.kernelValue
    bag.rows = table.shape[0]
    bag.dim = dim
    bag.table = UnsafeRawPointer(table.baseAddress)
    bag.table_size = table.count
    bag.index_type = indexType(indices)
    bag.index_count = indices.count
    bag.indices = UnsafeRawPointer(indices.baseAddress)
    if let offsets {
      bag.offset_type = indexType(offsets)
      bag.offset_count = offsets.count
      bag.offsets = UnsafeRawPointer(offsets.baseAddress)
      bag.include_last_offset = includeLastOffset
    }
    if let weights {
      bag.weights = UnsafePointer(weights.baseAddress.assumingMemoryBound(to: Float.self))
    }
    bag.y = y.baseAddress.assumingMemoryBound(to: Float.self)
    bag.y_size = y.count
    try run(workspace: 0, operation) { run in
      withExtendedLifetime((table, indices, offsets, weights, y)) {
        oct_embedding_bag_sum(&bag, run)
      }
    }
  }

  private static func indexType(_ tensor: Tensor) -> oct_index_type {
    tensor.dtype == .int32 ? OCT_INDEX_S32 : OCT_INDEX_S64
  }
}

extension EmbeddingBits {
  fileprivate var kernelValue: oct_embedding_bits {
    switch self {
    case .eight: OCT_EMBEDDING_8
    case .four: OCT_EMBEDDING_4
    case .two: OCT_EMBEDDING_2
    }
  }
}
