extension TensorParityOperations {
  /// Packing and unpacking of embedding tables.
  static let embeddingOperations: [ParityOperation] = [
    .single("quantized.embedding_bag_byte_prepack") {
      try Functional.embeddingBagBytePrepack($0.input("weight"))
    },
    .single("quantized.embedding_bag_4bit_prepack") {
      try Functional.embeddingBag4BitPrepack($0.input("weight"))
    },
    .single("quantized.embedding_bag_2bit_prepack") {
      try Functional.embeddingBag2BitPrepack($0.input("weight"))
    },
    .single("quantized.embedding_bag_byte_unpack") {
      try Functional.embeddingBagByteUnpack($0.input("packed"))
    },
    .single("quantized.embedding_bag_4bit_unpack") {
      try Functional.embeddingBag4BitUnpack($0.input("packed"))
    },
    .single("quantized.embedding_bag_2bit_unpack") {
      try Functional.embeddingBag2BitUnpack($0.input("packed"))
    },
  ]
}
