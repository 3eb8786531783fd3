/// Rows of real numbers as codes with a scale and a bias each. torch's quantized::embedding_bag_byte_prepack, _4bit_ and _2bit_.
struct EmbeddingPrepack: Operator {
  static let torchName = "quantized::embedding_bag_prepack"

  let bits: EmbeddingBits

  var name: String { "quantized::embedding_bag_\(bits.torchName)_prepack" }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let weight = inputs[0]
    try require(weight, "weight", dtypes: [.float32])
    guard weight.rank == 2, weight.shape[1] % bits.perByte == 0 else {
      throw error(
        .shapeMismatch, "weight",
        expected: "shape [num_embeddings, embedding_dim]"
          + (bits == .eight ? "" : " with a multiple of \(bits.perByte) elements a row"),
        received: "\(weight.shape)")
    }
    return TensorSpec(
      shape: [
        weight.shape[0], try Kernel.embeddingRowSize(bits, dim: weight.shape[1], name),
      ], dtype: .uint8)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let table = try Tensor(uninitialized: output.shape, dtype: .uint8)
    try Kernel.quantizeEmbedding(inputs[0].contiguous(), bits, into: table, name)
    return table
  }
}

/// The real numbers of packed rows. torch's quantized::embedding_bag_byte_unpack, _4bit_ and _2bit_.
struct EmbeddingUnpack: Operator {
  static let torchName = "quantized::embedding_bag_unpack"

  let bits: EmbeddingBits

  var name: String { "quantized::embedding_bag_\(bits.torchName)_unpack" }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let dim = try requirePackedRows(inputs[0], bits)
    return TensorSpec(shape: [inputs[0].shape[0], dim], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let y = try Tensor(uninitialized: output.shape, dtype: .float32)
    try Kernel.unpackEmbedding(inputs[0].contiguous(), bits, into: y, name)
    return y
  }
}

extension Operator {
  /// The codes that a packed row holds; refuses what can't be rows of a packed table.
  func requirePackedRows(_ table: TensorSpec, _ bits: EmbeddingBits) throws(OctetError) -> Int {
    try require(table, "packed", dtypes: [.uint8], fix: "pack the table first")
    guard table.rank == 2, table.shape[1] >= bits.tail,
      table.shape[1] <= Int.max / bits.perByte
    else {
      throw error(
        .shapeMismatch, "packed",
        expected: "rows [num_embeddings, bytes] with \(bits.tail) bytes of scale and bias",
        received: "shape \(table.shape)")
    }
    return (table.shape[1] - bits.tail) * bits.perByte
  }
}

extension Functional {
  /// Each row by its own range: `bias = min`, `scale = (max - min) / 255`, `q = rint((x - min) * (255 / ((max - min) + 1e-8)))`, every
  /// operation rounded to float32, ties to even. torch's quantized::embedding_bag_byte_prepack.
  ///
  /// - Parameter weight: float32 `[N, D]`, finite; the result is uint8 `[N, D + 8]`: codes, then scale and bias as float32.
  public static func embeddingBagBytePrepack(_ weight: Tensor) throws(OctetError) -> Tensor {
    try apply(EmbeddingPrepack(bits: .eight), [weight])
  }

  /// Each row by its own range: `bias = min` and `scale = (max - bias) / 15`, both as float16, `q = clamp(rint((x - bias) / scale))`,
  /// two codes a byte, the earlier one in the low nibble. torch's quantized::embedding_bag_4bit_prepack.
  ///
  /// - Parameter weight: float32 `[N, D]`, D even; the result is uint8 `[N, D / 2 + 4]`: codes, then scale and bias.
  public static func embeddingBag4BitPrepack(_ weight: Tensor) throws(OctetError) -> Tensor {
    try apply(EmbeddingPrepack(bits: .four), [weight])
  }

  /// `embeddingBag4BitPrepack` with codes 0...3, four a byte; D is a multiple of 4, the result uint8 `[N, D / 4 + 4]`.
  /// torch's quantized::embedding_bag_2bit_prepack.
  public static func embeddingBag2BitPrepack(_ weight: Tensor) throws(OctetError) -> Tensor {
    try apply(EmbeddingPrepack(bits: .two), [weight])
  }

  /// `fma(scale, q, bias)` of every code, float32 `[N, D]`. torch's quantized::embedding_bag_byte_unpack.
  public static func embeddingBagByteUnpack(_ packed: Tensor) throws(OctetError) -> Tensor {
    try apply(EmbeddingUnpack(bits: .eight), [packed])
  }

  /// `fma(scale, q, bias)` of every code, float32 `[N, D]`. torch's quantized::embedding_bag_4bit_unpack.
  public static func embeddingBag4BitUnpack(_ packed: Tensor) throws(OctetError) -> Tensor {
    try apply(EmbeddingUnpack(bits: .four), [packed])
  }

  /// `fma(scale, q, bias)` of every code, float32 `[N, D]`. torch's quantized::embedding_bag_2bit_unpack.
  public static func embeddingBag2BitUnpack(_ packed: Tensor) throws(OctetError) -> Tensor {
    try apply(EmbeddingUnpack(bits: .two), [packed])
  }
}
