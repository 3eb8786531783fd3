/// A float32 tensor and a number, element by element, in float32. torch.add, sub, mul and div with a Python number.
struct ScalarArithmetic: DifferentiableOperator {
  static let torchName = "scalar arithmetic"
  static var widensHalf: Bool { true }

  enum Kind: Sendable { case add, subtract, multiply, divide }

  let kind: Kind
  let scalar: Float

  func functionName(_ inputs: [TensorSpec]) -> String {
    switch kind {
    case .add: "add"
    case .subtract: "sub"
    case .multiply: "mul"
    case .divide: "div"
    }
  }

  /// Integer tensors are taken as float32, as torch's type promotion does for division.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "self", dtypes: DType.allCases.filter { !$0.isQuantized })
    return TensorSpec(shape: inputs[0].shape, dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let format = inputs[0].preferredFormat
    let x = try inputs[0].converted(to: .float32).contiguous(format)
    let result = try Tensor(uninitialized: output.shape, dtype: .float32, format: format)
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        switch kind {
        case .add: for i in 0..<source.count { target[i] = source[i] + scalar }
        case .subtract: for i in 0..<source.count { target[i] = source[i] - scalar }
        case .multiply: for i in 0..<source.count { target[i] = source[i] * scalar }
        case .divide: for i in 0..<source.count { target[i] = source[i] / scalar }
        }
      }
    }
    return result
  }

  var saved: SavedForBackward { [] }

  /// `dx = dy`, times or divided by the number.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let gradient =
      switch kind {
      case .add, .subtract: context.gradient
      case .multiply, .divide: try apply(self, [context.gradient])
      }
    return [try gradient.converted(to: context.inputSpecs[0].dtype)]
  }
}

extension Tensor {
  /// Each element plus `scalar`, in float32. Traps on quantized tensors.
  public static func + (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .add, scalar: scalar), [x]) }
  }

  /// Each element minus `scalar`, in float32. Traps on quantized tensors.
  public static func - (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .subtract, scalar: scalar), [x]) }
  }

  /// Each element times `scalar`, in float32. Traps on quantized tensors.
  public static func * (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .multiply, scalar: scalar), [x]) }
  }

  /// Each element divided by `scalar`, in float32. Traps on quantized tensors.
  public static func / (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .divide, scalar: scalar), [x]) }
  }
}
