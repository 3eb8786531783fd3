extension TensorParityOperations {
  /// Tensor methods that reduce or order elements.
  static let reductionOperations: [ParityOperation] = [
    ParityOperation("Tensor.max") {
      try extremum($0, Functional.maximum(_:), Functional.maximum(_:dim:keepDim:))
    },
    ParityOperation("Tensor.min") {
      try extremum($0, Functional.minimum(_:), Functional.minimum(_:dim:keepDim:))
    },
    .single("Tensor.mean") {
      try Functional.mean(
        $0.input("self"), dims: $0.attributes.ints("dim", default: []),
        keepDims: $0.attributes.bool("keepdim", default: false))
    },
    ParityOperation("Tensor.sort") {
      try ordered(
        Functional.sort(
          $0.input("self"), dim: $0.attributes.int("dim", default: -1),
          descending: $0.attributes.bool("descending", default: false)))
    },
    ParityOperation("Tensor.topk") {
      try ordered(
        Functional.topK(
          $0.input("self"), k: $0.attributes.int("k"),
          dim: $0.attributes.int("dim", default: -1),
          largest: $0.attributes.bool("largest", default: true)))
    },
  ]

  private static func extremum(
    _ call: ParityCase, _ all: (Tensor) throws -> Tensor,
    _ along: (Tensor, Int, Bool) throws -> (values: Tensor, indices: Tensor)
  ) throws -> ParityOutputs {
    let tensor = try call.input("self")
    guard let dim = try call.attributes.optionalInt("dim") else {
      return ParityOutputs(try all(tensor))
    }
    return ordered(try along(tensor, dim, call.attributes.bool("keepdim", default: false)))
  }

  private static func ordered(_ result: (values: Tensor, indices: Tensor)) -> ParityOutputs {
    ["values": result.values, "indices": result.indices]
  }
}
