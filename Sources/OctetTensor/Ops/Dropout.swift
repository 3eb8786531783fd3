/// Zeroes elements at random while training; identity otherwise. torch.nn.functional.dropout.
struct Dropout: DifferentiableOperator {
  static let torchName = "dropout"
  static let onnxName: String? = "Dropout"
  static var widensHalf: Bool { true }

  let probability: Double
  let isTraining: Bool
  /// What decides who becomes zero, so that the derivative zeroes the same ones.
  let seed: UInt64

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    guard (0...1).contains(probability) else {
      throw error(
        .invalidArgument, "p", expected: "a probability in 0...1", received: "\(probability)")
    }
    if isTraining { try require(inputs[0], "input", dtypes: [.float32]) }
    return inputs[0]
  }

  private var isIdentity: Bool { !isTraining || probability == 0 }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    isIdentity ? inputs[0] : try thinned(inputs[0])
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    inputs[0]
  }

  var saved: SavedForBackward { [] }

  /// The gradient with the same elements zeroed and the same factor.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [isIdentity ? context.gradient : try thinned(context.gradient)]
  }

  private func thinned(_ x: Tensor) throws(OctetError) -> Tensor {
    let x = try x.contiguous()
    let factor = probability < 1 ? Float(1 / (1 - probability)) : 0
    let result = try Tensor(uninitialized: x.shape, dtype: .float32)
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        for i in 0..<source.count {
          let draw = RandomSource.unit(seed: seed, place: UInt64(i))
          target[i] = draw < probability ? 0 : source[i] * factor
        }
      }
    }
    return result
  }
}

extension Functional {
  /// The input; while training each element becomes 0 with probability `p`, and the others are divided by `1 - p`.
  /// `RandomSource.shared` decides which. torch.nn.functional.dropout.
  ///
  /// - Throws: `invalidArgument` for a `p` outside 0...1; quantized tensors aren't trained.
  public static func dropout(_ input: Tensor, p: Double = 0.5, training: Bool = true)
    throws(OctetError) -> Tensor
  {
    let seed = training && p > 0 ? RandomSource.shared.next() : 0
    return try apply(Dropout(probability: p, isTraining: training, seed: seed), [input])
  }
}
