/// Several dimensions as one; a copy only when the strides ask for it. torch.flatten.
struct Flatten: ViewOperator {
  static let torchName = "flatten"
  static let onnxName: String? = "Flatten"

  let start: Int
  let end: Int

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let rank = max(inputs[0].rank, 1)
    guard let first = Shapes.normalize(axis: start, rank: rank),
      let last = Shapes.normalize(axis: end, rank: rank), first <= last
    else {
      throw error(
        .outOfRange, "start_dim",
        expected: "dims in \(-rank)...\(rank - 1), start_dim at most end_dim",
        received: "start_dim \(start), end_dim \(end) for shape \(inputs[0].shape)")
    }
    var spec = inputs[0]
    if spec.rank > 0 {
      let middle = spec.shape[first...last].reduce(1, *)
      spec.shape.replaceSubrange(first...last, with: [middle])
    } else {
      spec.shape = [1]
    }
    return spec
  }

  func alias(_ x: Tensor) throws(OctetError) -> Tensor {
    try x.aliasFlattened(from: start, through: end)
  }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try context.gradient.reshaped(context.inputSpecs[0].shape)]
  }
}

extension Functional {
  /// Dimensions `start...end` as one. torch.flatten.
  public static func flatten(_ input: Tensor, from start: Int = 0, through end: Int = -1)
    throws(OctetError) -> Tensor
  {
    try apply(Flatten(start: start, end: end), [input])
  }
}

extension Tensor {
  /// `Functional.flatten`, trapping on mistakes.
  public func flatten(from start: Int = 0, through end: Int = -1) -> Tensor {
    eager { try Functional.flatten(self, from: start, through: end) }
  }
}
