/// Elements of one tensor or another, by truth values. torch.where.
///
/// The inputs stand in the order input, other, condition, so that quantized ones are told by the first.
struct Where: DifferentiableOperator {
  static let torchName = "where"
  static let onnxName: String? = "Where"

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, y, condition) = (inputs[0], inputs[1], inputs[2])
    try require(
      condition, "condition", dtypes: [.bool], fix: "compare with gt, eq or their like first")
    guard x.dtype == y.dtype else {
      throw error(
        .dtypeMismatch, "other", expected: "the input's dtype \(x.dtype.rawValue)",
        received: "dtype \(y.dtype.rawValue)")
    }
    if x.isQuantized {
      try requirePerTensor(x, "input")
      try requirePerTensor(y, "other")
    }
    guard let shape = Shapes.broadcast(try broadcastShape(x.shape, y.shape), condition.shape)
    else {
      throw error(
        .shapeMismatch, "condition", expected: "a shape that broadcasts with \(x.shape)",
        received: "shape \(condition.shape)")
    }
    return TensorSpec(shape: shape, dtype: x.dtype, quantizer: x.quantizer)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (a, b, format) = try broadcastOperands(inputs[0], inputs[1], output.shape)
    let condition = try inputs[2].expanded(output.shape).contiguous(format)
    let result = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer,
      format: format)
    switch output.dtype.bitWidth {
    case 8: Self.choose(condition, a, b, result, UInt8.self)
    case 16: Self.choose(condition, a, b, result, UInt16.self)
    case 32: Self.choose(condition, a, b, result, UInt32.self)
    default: Self.choose(condition, a, b, result, UInt64.self)
    }
    return result
  }

  private static func choose<Word: BitwiseCopyable>(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor, _ result: Tensor, _ type: Word.Type
  ) {
    let x = a.baseAddress.assumingMemoryBound(to: Word.self)
    let y = b.baseAddress.assumingMemoryBound(to: Word.self)
    let z = result.baseAddress.assumingMemoryBound(to: Word.self)
    let truth = condition.baseAddress.assumingMemoryBound(to: UInt8.self)
    for i in 0..<result.count { z[i] = truth[i] != 0 ? x[i] : y[i] }
  }

  /// Integers of `other` with another scale or zero point are rounded to the input's.
  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(
      [inputs[0], inputs[1].requantized(to: output, operation: name), inputs[2]], output)
  }

  /// The gradient goes to whichever operand the element came from.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (g, condition) = (context.gradient, context.inputs[2])
    let zero = try Tensor(scalar: Float(0)).converted(to: g.dtype)
    var results: [Tensor?] = [nil, nil, nil]
    for i in 0...1 where context.needs[i] {
      let chosen = try apply(self, i == 0 ? [g, zero, condition] : [zero, g, condition])
      results[i] = try chosen.summed(to: context.inputSpecs[i].shape)
    }
    return results
  }
}

extension Tensor {
  /// The same real values under the quantizer of `spec`, rounded; this tensor when it is the same. Both are per tensor and of
  /// one dtype.
  func requantized(to spec: TensorSpec, operation: String) throws(OctetError) -> Tensor {
    guard quantizer != spec.quantizer, let from = ScalarQuantization(self.spec),
      let to = ScalarQuantization(spec)
    else { return self }
    let target = TensorSpec(shape: shape, dtype: dtype, quantizer: spec.quantizer)
    return try mapCodes(target, operation: operation) { to.code(from.real($0)) }
  }
}

extension Functional {
  /// `condition ? x : y`, broadcast, any one dtype. Quantized tensors are per tensor; integers of `y` with another scale or
  /// zero point are rounded to those of `x`. torch.where.
  ///
  /// - Parameter condition: bool.
  public static func `where`(_ condition: Tensor, _ x: Tensor, _ y: Tensor) throws(OctetError)
    -> Tensor
  {
    try apply(Where(), [x, y, condition])
  }

  /// The elements, `value` where `mask` is true; quantized tensors keep their quantizer. torch's `masked_fill`.
  ///
  /// - Parameter mask: bool; broadcasts with the input.
  public static func maskedFill(_ input: Tensor, mask: Tensor, value: Double)
    throws(OctetError) -> Tensor
  {
    guard mask.dtype == .bool else {
      throw OctetError(
        .dtypeMismatch, operation: "masked_fill", argument: "mask", expected: "dtype bool",
        received: "dtype \(mask.dtype.rawValue)", fix: "compare with gt, eq or their like first")
    }
    let filler = try Tensor.full([], value, like: input, operation: "masked_fill")
    return try `where`(logicalNot(mask), input, filler)
  }
}

extension Tensor {
  /// `Functional.maskedFill`, trapping on mistakes.
  public func maskedFill(_ mask: Tensor, value: Double) -> Tensor {
    eager { try Functional.maskedFill(self, mask: mask, value: value) }
  }
}
