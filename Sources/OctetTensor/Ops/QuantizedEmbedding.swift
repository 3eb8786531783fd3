/// Sums over bags of rows of a packed table, or single rows. torch's quantized::embedding_bag_byte_rowwise_offsets and its like,
/// quantized::embedding_byte and quantized::embedding_4bit.
struct QuantizedEmbedding: Operator {
  static let torchName = "quantized::embedding_bag"

  let bits: EmbeddingBits
  /// Codes of a row; nil: all that its bytes hold.
  let dim: Int?
  /// nil: a row for each index.
  let form: BagForm?

  var name: String {
    form == nil
      ? "quantized::embedding_\(bits.torchName)"
      : "quantized::embedding_bag_\(bits.torchName)_rowwise_offsets"
  }

  /// Inputs: table uint8 `[N, bytes]`, indices, then offsets and weights where the form has them.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let packed = try requirePackedRows(inputs[0], bits)
    let dim = self.dim ?? packed
    guard let form else {
      try requireIndices(inputs[1], "indices")
      return TensorSpec(shape: inputs[1].shape + [dim], dtype: .float32)
    }
    return TensorSpec(shape: [try bagCount(form, inputs), dim], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let table = try inputs[0].contiguous()
    let y = try Tensor(uninitialized: output.shape, dtype: .float32)
    let dim = output.shape.last ?? 0
    guard let form else {
      let indices = try inputs[1].contiguous()
      try checkIndices(indices, rows: table.shape[0])
      try Kernel.embeddingBag(
        table, bits, indices: indices, offsets: nil, weights: nil, includeLastOffset: false,
        dim: dim, into: y, name)
      return y
    }
    let bag = try bagArguments(form, inputs, rows: table.shape[0])
    try Kernel.embeddingBag(
      table, bits, indices: bag.indices, offsets: bag.offsets, weights: bag.weights,
      includeLastOffset: bag.includesLast, dim: dim, into: y, name)
    return y
  }
}

extension Functional {
  /// The row of each index out of a table that `embeddingBagBytePrepack` packed: `fma(scale, q, bias)`, rounded once.
  /// torch's quantized::embedding_byte.
  ///
  /// - Parameters:
  ///   - packed: uint8 `[N, D + 8]`.
  ///   - indices: int32 or int64 of any shape; the result is float32 of that shape with D appended.
  public static func embeddingByte(_ packed: Tensor, indices: Tensor) throws(OctetError) -> Tensor {
    try apply(QuantizedEmbedding(bits: .eight, dim: nil, form: nil), [packed, indices])
  }

  /// `embeddingByte` over `embeddingBag4BitPrepack`'s rows, uint8 `[N, D / 2 + 4]`. torch's quantized::embedding_4bit.
  public static func embedding4Bit(_ packed: Tensor, indices: Tensor) throws(OctetError) -> Tensor {
    try apply(QuantizedEmbedding(bits: .four, dim: nil, form: nil), [packed, indices])
  }

  /// Sums over bags of packed rows: `acc = fma(weight * scale, q, acc + weight * bias)` in the order of indices, in float32, where fma
  /// rounds once; an empty bag gives 0. torch's quantized::embedding_bag_byte_rowwise_offsets.
  ///
  /// - Parameters:
  ///   - packed: uint8 `[N, D + 8]`; the result is float32 `[bags, D]`.
  ///   - indices: int32 or int64 `[n]` with offsets, or `[bags, size]` without, each in `0..<N`.
  ///   - offsets: where each bag begins, from 0, never falling.
  ///   - perSampleWeights: float32 of the indices' shape, 1 when nil.
  ///   - includeLastOffset: the last offset is the end of the last bag.
  public static func embeddingBagByte(
    _ packed: Tensor, indices: Tensor, offsets: Tensor? = nil, perSampleWeights: Tensor? = nil,
    includeLastOffset: Bool = false
  ) throws(OctetError) -> Tensor {
    try embeddingBag(.eight, packed, indices, offsets, perSampleWeights, includeLastOffset)
  }

  /// `embeddingBagByte` over 4-bit rows, uint8 `[N, D / 2 + 4]`. torch's quantized::embedding_bag_4bit_rowwise_offsets.
  public static func embeddingBag4Bit(
    _ packed: Tensor, indices: Tensor, offsets: Tensor? = nil, perSampleWeights: Tensor? = nil,
    includeLastOffset: Bool = false
  ) throws(OctetError) -> Tensor {
    try embeddingBag(.four, packed, indices, offsets, perSampleWeights, includeLastOffset)
  }

  /// `embeddingBagByte` over 2-bit rows, uint8 `[N, D / 4 + 4]`. torch's quantized::embedding_bag_2bit_rowwise_offsets.
  public static func embeddingBag2Bit(
    _ packed: Tensor, indices: Tensor, offsets: Tensor? = nil, perSampleWeights: Tensor? = nil,
    includeLastOffset: Bool = false
  ) throws(OctetError) -> Tensor {
    try embeddingBag(.two, packed, indices, offsets, perSampleWeights, includeLastOffset)
  }

  private static func embeddingBag(
    _ bits: EmbeddingBits, _ packed: Tensor, _ indices: Tensor, _ offsets: Tensor?,
    _ weights: Tensor?, _ includeLastOffset: Bool
  ) throws(OctetError) -> Tensor {
    let form = BagForm(
      hasOffsets: offsets != nil, hasWeights: weights != nil, includeLastOffset: includeLastOffset)
    return try apply(
      QuantizedEmbedding(bits: bits, dim: nil, form: form),
      [packed, indices] + [offsets, weights].compactMap { $0 })
  }
}

/// A quantized table, packed for lookup. One copy of the codes is kept, since tables are large.
package final class PackedEmbedding: Sendable {
  private let table: Tensor
  private let quantizer: Quantizer
  /// quint8, quint4x2 or quint2x4.
  package let dtype: DType
  /// D, the codes of a row.
  package let dim: Int
  private let bits: EmbeddingBits

  /// Packs a table `[N, D]` with a scale and a real zero point for each row.
  package init(weight: Tensor, operation: String) throws(OctetError) {
    guard weight.isQuantized, let bits = EmbeddingBits(rawValue: weight.dtype.bitWidth),
      weight.dtype != .qint8
    else {
      throw OctetError(
        weight.isQuantized ? .dtypeMismatch : .quantizationMismatch, operation: operation,
        argument: "weight", expected: "a quantized table of dtype quint8, quint4x2 or quint2x4",
        received: "dtype \(weight.dtype.rawValue)",
        fix: "quantize it per channel with float zero points")
    }
    guard weight.rank == 2 else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "weight",
        expected: "shape [num_embeddings, embedding_dim]", received: "\(weight.shape)")
    }
    guard let quantizer = weight.quantizer,
      case .perChannelFloat(let scales, let zeroPoints, 0) = quantizer.parameters
    else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "weight",
        expected: "scheme per_channel_affine_float_qparams along axis 0",
        received:
          "\(weight.quantizer?.scheme.rawValue ?? "none") along axis \(weight.quantizer?.axis ?? 0)",
        fix: "quantize the table with floatQParamsWeightOnly")
    }
    let size = try Kernel.embeddingRowSize(bits, dim: weight.shape[1], operation)
    let table = try Tensor(uninitialized: [weight.shape[0], size], dtype: .uint8)
    try Kernel.packEmbedding(
      weight.contiguous().unpacked(), scales: scales, zeroPoints: zeroPoints, bits, into: table,
      operation)
    self.table = table
    self.quantizer = quantizer
    self.bits = bits
    dtype = weight.dtype
    dim = weight.shape[1]
  }

  /// N, the rows.
  package var count: Int { table.shape[0] }

  /// The table as it was given.
  package func weight() throws(OctetError) -> Tensor {
    let bytes = (dim + bits.perByte - 1) / bits.perByte
    let rows: [[UInt8]] = table.withElements(UInt8.self) { all in
      (0..<count).map { row in
        let start = row * table.shape[1]
        return PackedCodes.unpack(
          Array(all[start..<(start + bytes)]), count: dim, bitWidth: bits.rawValue)
      }
    }
    return try Tensor(
      integers: PackedCodes.pack(rows.flatMap { $0 }, bitWidth: bits.rawValue),
      shape: [count, dim], dtype: dtype, quantizer: quantizer)
  }

  /// The row of each index.
  package func rows(_ indices: Tensor) throws(OctetError) -> Tensor {
    try apply(QuantizedEmbedding(bits: bits, dim: dim, form: nil), [table, indices])
  }

  /// The sum of each bag.
  package func sums(
    _ indices: Tensor, offsets: Tensor?, perSampleWeights: Tensor?, includeLastOffset: Bool
  ) throws(OctetError) -> Tensor {
    let form = BagForm(
      hasOffsets: offsets != nil, hasWeights: perSampleWeights != nil,
      includeLastOffset: includeLastOffset)
    return try apply(
      QuantizedEmbedding(bits: bits, dim: dim, form: form),
      [table, indices] + [offsets, perSampleWeights].compactMap { $0 })
  }
}
