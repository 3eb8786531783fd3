/// The index of the largest element along a dimension, the first one of equals; NaN counts as largest. torch.argmax.
struct ArgMax: Operator {
  static let torchName = "argmax"
  static let onnxName: String? = "ArgMax"

  let dim: Int

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.float32])
    guard let axis = Shapes.normalize(axis: dim, rank: x.rank) else {
      throw error(
        .outOfRange, "dim", expected: "a dim in \(-x.rank)...\(x.rank - 1)",
        received: "dim \(dim)")
    }
    guard x.shape[axis] > 0 else {
      throw error(
        .shapeMismatch, "input", expected: "at least one element along dim \(dim)",
        received: "shape \(x.shape)")
    }
    var shape = x.shape
    shape.remove(at: axis)
    return TensorSpec(shape: shape, dtype: .int64)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let axis = Shapes.normalize(axis: dim, rank: x.rank) ?? 0
    let length = x.shape[axis]
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let result = try Tensor(uninitialized: output.shape, dtype: .int64)
    x.withElements(Float.self) { source in
      result.withMutableElements(Int64.self) { target in
        for i in 0..<target.count {
          let start = i / max(inner, 1) * length * inner + i % max(inner, 1)
          var best = 0
          for j in 1..<max(length, 1) {
            let (value, top) = (source[start + j * inner], source[start + best * inner])
            if value > top || (value.isNaN && !top.isNaN) { best = j }
          }
          target[i] = Int64(best)
        }
      }
    }
    return result
  }
}

extension Functional {
  /// The index of the largest element along `dim`, which disappears; int64. torch.argmax.
  public static func argmax(_ input: Tensor, dim: Int) throws(OctetError) -> Tensor {
    try apply(ArgMax(dim: dim), [input])
  }
}

extension Tensor {
  /// `Functional.argmax`, trapping on mistakes.
  public func argmax(dim: Int) -> Tensor { eager { try Functional.argmax(self, dim: dim) } }
}
