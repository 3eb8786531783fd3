/// `x - log(sum(exp(x)))` along a dimension. torch.log_softmax.
struct LogSoftmax: DifferentiableOperator {
  static let torchName = "log_softmax"
  static let onnxName: String? = "LogSoftmax"
  static var widensHalf: Bool { true }

  let dim: Int

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32, .float64])
    if inputs[0].rank > 0 { _ = try axis(dim, inputs[0]) }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    return output.dtype == .float64
      ? try lanes(x, x, output, Double.self, Self.normalize)
      : try lanes(x, x, output, Float.self, Self.normalize)
  }

  var saved: SavedForBackward { .output }

  /// `dx = dy - softmax(x) * sum(dy)`.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    guard let y = context.output else { return [nil] }
    let (g, spec) = (try context.gradient.contiguous(), context.inputSpecs[0])
    let dense = try y.contiguous()
    return [
      spec.dtype == .float64
        ? try lanes(dense, g, spec, Double.self, Self.differentiate)
        : try lanes(dense, g, spec, Float.self, Self.differentiate)
    ]
  }

  /// Calls `body` with each lane of two tensors, as doubles, for a lane of the result.
  private func lanes<Real: RealScalar>(
    _ x: Tensor, _ y: Tensor, _ output: TensorSpec, _ type: Real.Type,
    _ body: ([Double], [Double]) -> [Double]
  ) throws(OctetError) -> Tensor {
    let d = output.rank == 0 ? 0 : try axis(dim, output)
    let size = output.rank == 0 ? 1 : output.shape[d]
    let step = output.rank == 0 ? 1 : output.shape[(d + 1)...].reduce(1, *)
    let result = try Tensor(uninitialized: output.shape, dtype: output.dtype)
    x.withElements(type) { x in
      y.withElements(type) { y in
        result.withMutableElements(type) { z in
          if z.isEmpty { return }
          for lane in 0..<(z.count / size) {
            let start = lane / step * size * step + lane % step
            let places = stride(from: start, to: start + size * step, by: step)
            let values = body(places.map { Double(x[$0]) }, places.map { Double(y[$0]) })
            for (place, value) in zip(places, values) { z[place] = Real(value) }
          }
        }
      }
    }
    return result
  }

  private static func normalize(_ x: [Double], _: [Double]) -> [Double] {
    // A NaN spreads over its lane, and an infinite element too.
    let largest = x.reduce(-.infinity) { $1.isNaN || $1 > $0 ? $1 : $0 }
    let sum = x.reduce(0) { $0 + Double.exp($1 - largest) }
    let logarithm = Double.log(sum)
    return x.map { $0 - largest - logarithm }
  }

  private static func differentiate(_ y: [Double], _ g: [Double]) -> [Double] {
    let sum = g.reduce(0, +)
    return zip(y, g).map { $1 - Double.exp($0) * sum }
  }
}

extension Functional {
  /// `x - log(sum(exp(x)))` along `dim`, without overflow; computed in double and rounded once. torch.nn.functional.log_softmax.
  ///
  /// - Parameter input: a float dtype, any shape.
  public static func logSoftmax(_ input: Tensor, dim: Int) throws(OctetError) -> Tensor {
    try apply(LogSoftmax(dim: dim), [input])
  }
}

extension Tensor {
  /// `Functional.logSoftmax`, trapping on mistakes.
  public func logSoftmax(dim: Int) -> Tensor {
    eager { try Functional.logSoftmax(self, dim: dim) }
  }
}
