/// A tensor and a number, element by element, in float32; in float64 when the tensor is. torch.add, sub, mul and div with a Python
/// number.
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
    return TensorSpec(
      shape: inputs[0].shape, dtype: inputs[0].dtype == .float64 ? .float64 : .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    output.dtype == .float64
      ? try combine(inputs[0], output, Double(scalar)) : try combine(inputs[0], output, scalar)
  }

  private func combine<Real: RealScalar>(_ input: Tensor, _ output: TensorSpec, _ scalar: Real)
    throws(OctetError) -> Tensor
  {
    let format = input.preferredFormat
    let x = try input.converted(to: output.dtype).contiguous(format)
    let result = try Tensor(uninitialized: output.shape, dtype: output.dtype, format: format)
    x.withElements(Real.self) { source in
      result.withMutableElements(Real.self) { target in
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
  /// Each element plus `scalar`, in float32 (float64 stays so). Traps on quantized tensors.
  public static func + (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .add, scalar: scalar), [x]) }
  }

  /// Each element minus `scalar`, in float32 (float64 stays so). Traps on quantized tensors.
  public static func - (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .subtract, scalar: scalar), [x]) }
  }

  /// Each element times `scalar`, in float32 (float64 stays so). Traps on quantized tensors.
  public static func * (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .multiply, scalar: scalar), [x]) }
  }

  /// Each element divided by `scalar`, in float32 (float64 stays so). Traps on quantized tensors.
  public static func / (x: Tensor, scalar: Float) -> Tensor {
    eager { try apply(ScalarArithmetic(kind: .divide, scalar: scalar), [x]) }
  }
}
