/// A sum or product of two float32 tensors, broadcast. torch.add and torch.mul.
struct Arithmetic: DifferentiableOperator {
  static let torchName = "arithmetic"

  enum Kind: Sendable { case add, multiply }
  let kind: Kind

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32])
    try require(inputs[1], "other", dtypes: [.float32])
    return TensorSpec(
      shape: try broadcastShape(inputs[0].shape, inputs[1].shape), dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (a, b, format) = try broadcastOperands(inputs[0], inputs[1], output.shape)
    let result = try Tensor(uninitialized: output.shape, dtype: .float32, format: format)
    a.withElements(Float.self) { x in
      b.withElements(Float.self) { y in
        result.withMutableElements(Float.self) { z in
          switch kind {
          case .add: for i in 0..<z.count { z[i] = x[i] + y[i] }
          case .multiply: for i in 0..<z.count { z[i] = x[i] * y[i] }
          }
        }
      }
    }
    return result
  }

  var saved: SavedForBackward { kind == .multiply ? .inputs : [] }

  /// `da = dz`, or `dz * b`; summed over what was broadcast.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    var results: [Tensor?] = [nil, nil]
    for i in 0...1 where context.needs[i] {
      let flowing =
        kind == .multiply
        ? try Functional.multiply(context.gradient, context.inputs[1 - i]) : context.gradient
      results[i] = try flowing.summed(to: context.inputSpecs[i].shape)
    }
    return results
  }
}

extension Operator {
  /// The shape that torch's broadcasting gives.
  func broadcastShape(_ a: [Int], _ b: [Int]) throws(OctetError) -> [Int] {
    guard let shape = Shapes.broadcast(a, b) else {
      throw error(
        .shapeMismatch, "other", expected: "a shape that broadcasts with \(a)",
        received: "shape \(b)", fix: "sizes must agree or be 1, counted from the last dimension")
    }
    return shape
  }

  /// Both operands dense, of one shape and in one memory format, which is that of the operand that wasn't broadcast.
  func broadcastOperands(_ a: Tensor, _ b: Tensor, _ shape: [Int]) throws(OctetError) -> (
    a: Tensor, b: Tensor, format: MemoryFormat
  ) {
    let format = (a.shape == shape ? a : b.shape == shape ? b : a).preferredFormat
    func operand(_ x: Tensor) throws(OctetError) -> Tensor {
      try (x.shape == shape ? x : x.expanded(shape)).contiguous(format)
    }
    return (try operand(a), try operand(b), format)
  }
}

extension Functional {
  /// `x + y` in float32, broadcast. torch.add.
  public static func add(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .add), [x, y])
  }

  /// `x * y` in float32, broadcast. torch.mul.
  public static func multiply(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try apply(Arithmetic(kind: .multiply), [x, y])
  }
}

extension Tensor {
  /// `Functional.add`, trapping on mistakes. Quantized tensors are added by `Quantized.QFunctional`.
  public static func + (x: Tensor, y: Tensor) -> Tensor { eager { try Functional.add(x, y) } }

  /// `Functional.multiply`, trapping on mistakes. Quantized tensors are multiplied by `Quantized.QFunctional`.
  public static func * (x: Tensor, y: Tensor) -> Tensor { eager { try Functional.multiply(x, y) } }
}
