/// Running sums along a dimension. torch.cumsum.
struct CumulativeSum: DifferentiableOperator {
  static let torchName = "cumsum"
  static let onnxName: String? = "CumSum"
  static var widensHalf: Bool { true }

  let dim: Int
  /// From the end to the front: how gradients run.
  var reversed = false

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32, .float64, .int64])
    if inputs[0].rank > 0 { _ = try axis(dim, inputs[0]) }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    if output.rank == 0 { return try inputs[0].clone() }
    switch output.dtype {
    case .float32: return try run(inputs[0], output, Double(0), { Double($0) }, { Float($0) }, +)
    case .float64: return try run(inputs[0], output, Double(0), { $0 }, { $0 }, +)
    default: return try run(inputs[0], output, Int64(0), { $0 }, { $0 }, &+)
    }
  }

  /// float32 lanes are summed in double and rounded once for each element.
  private func run<Scalar: TensorScalar, Sum>(
    _ x: Tensor, _ output: TensorSpec, _ zero: Sum, _ widen: (Scalar) -> Sum,
    _ narrow: (Sum) -> Scalar, _ add: (Sum, Sum) -> Sum
  ) throws(OctetError) -> Tensor {
    let d = try axis(dim, output)
    let (size, step) = (output.shape[d], output.shape[(d + 1)...].reduce(1, *))
    let result = try Tensor(uninitialized: output.shape, dtype: output.dtype)
    try x.contiguous().withElements(Scalar.self) { from in
      result.withMutableElements(Scalar.self) { to in
        if to.isEmpty { return }
        for lane in 0..<(to.count / size) {
          let start = lane / step * size * step + lane % step
          var sum = zero
          for i in 0..<size {
            let place = start + (reversed ? size - 1 - i : i) * step
            sum = add(sum, widen(from[place]))
            to[place] = narrow(sum)
          }
        }
      }
    }
    return result
  }

  var saved: SavedForBackward { [] }

  /// `dx` is the running sum of `dy` from the other end.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try apply(CumulativeSum(dim: dim, reversed: !reversed), [context.gradient])]
  }
}

extension Functional {
  /// `y[i] = x[0] + ... + x[i]` along `dim`, in double and rounded for each element; float dtypes and int64. torch.cumsum.
  public static func cumulativeSum(_ input: Tensor, dim: Int) throws(OctetError) -> Tensor {
    try apply(CumulativeSum(dim: dim), [input])
  }
}

extension Tensor {
  /// `Functional.cumulativeSum`, trapping on mistakes.
  public func cumulativeSum(dim: Int) -> Tensor {
    eager { try Functional.cumulativeSum(self, dim: dim) }
  }
}
