/// A copy with storage of its own. torch.clone.
struct Clone: DifferentiableOperator {
  static let torchName = "clone"
  static let onnxName: String? = "Identity"

  /// nil: the input's.
  let format: MemoryFormat?

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec { inputs[0] }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try inputs[0].copied(format)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try inputs[0].copied(format)
  }

  var saved: SavedForBackward { [] }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [context.gradient]
  }
}

/// The same values in another plain type. torch's to(dtype).
struct Convert: DifferentiableOperator {
  static let torchName = "to"
  static let onnxName: String? = "Cast"

  let dtype: DType

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    guard !inputs[0].isQuantized, !dtype.isQuantized else {
      throw error(
        .quantizationMismatch, "dtype", expected: "plain element types on both sides",
        received: "\(inputs[0].dtype.rawValue) to \(dtype.rawValue)",
        fix: "use quantize_per_tensor or dequantize")
    }
    return TensorSpec(shape: inputs[0].shape, dtype: dtype)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try inputs[0].casted(to: dtype)
  }

  var saved: SavedForBackward { [] }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try context.gradient.converted(to: context.inputSpecs[0].dtype)]
  }
}
