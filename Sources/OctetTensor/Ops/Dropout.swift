/// Zeroes elements at random while training; identity otherwise. torch.nn.functional.dropout.
struct Dropout: Operator {
  static let torchName = "dropout"

  let probability: Double
  let isTraining: Bool

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    guard (0...1).contains(probability) else {
      throw error(
        .invalidArgument, "p", expected: "a probability in 0...1", received: "\(probability)")
    }
    if isTraining { try require(inputs[0], "input", dtypes: [.float32]) }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    if !isTraining || probability == 0 { return inputs[0] }
    let x = try inputs[0].contiguous()
    let draws = RandomSource.shared.uniform(count: x.count, in: 0...1)
    let factor = probability < 1 ? Float(1 / (1 - probability)) : 0
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        for i in 0..<source.count {
          target[i] = Double(draws[i]) < probability ? 0 : source[i] * factor
        }
      }
    }
    return result
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    inputs[0]
  }
}

extension Functional {
  /// The input; while training each element becomes 0 with probability `p`, and the others are divided by `1 - p`.
  /// torch.nn.functional.dropout.
  ///
  /// - Throws: `invalidArgument` for a `p` outside 0...1; quantized tensors aren't trained.
  public static func dropout(_ input: Tensor, p: Double = 0.5, training: Bool = true)
    throws(OctetError) -> Tensor
  {
    try apply(Dropout(probability: p, isTraining: training), [input])
  }
}
