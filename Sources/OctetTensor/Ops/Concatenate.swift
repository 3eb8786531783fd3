/// Tensors one behind the other along a dimension. torch.cat, and quantized::cat with an output scale and zero point.
struct Concatenate: DifferentiableOperator {
  static let torchName = "cat"
  static let onnxName: String? = "Concat"

  let dim: Int
  /// The output's scale and zero point; nil: the first input's.
  var result: QuantizedArithmeticResult?

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    guard let first = inputs.first else {
      throw error(
        .invalidArgument, "tensors", expected: "at least one tensor", received: "an empty list")
    }
    if result != nil || first.isQuantized {
      for (i, spec) in inputs.enumerated() {
        try require(spec, "tensors[\(i)]", dtypes: Self.elementwiseTypes)
        try requirePerTensor(spec, "tensors[\(i)]")
      }
    }
    guard let axis = Shapes.normalize(axis: dim, rank: first.rank) else {
      throw error(
        .outOfRange, "dim", expected: "a dim in \(-first.rank)..<\(first.rank)",
        received: "dim \(dim)")
    }
    var output = first
    output.shape[axis] = 0
    for (i, spec) in inputs.enumerated() {
      guard spec.dtype == first.dtype else {
        throw error(
          .dtypeMismatch, "tensors[\(i)]",
          expected: "the first one's dtype \(first.dtype.rawValue)",
          received: "dtype \(spec.dtype.rawValue)")
      }
      var rest = spec.shape
      if rest.count == output.rank { rest[axis] = output.shape[axis] }
      let (length, overflow) = output.shape[axis].addingReportingOverflow(
        spec.rank > axis ? spec.shape[axis] : 0)
      guard rest == output.shape, !overflow else {
        throw error(
          .shapeMismatch, "tensors[\(i)]",
          expected: "the first one's shape \(first.shape) but for dim \(axis)",
          received: "shape \(spec.shape)")
      }
      output.shape[axis] = length
    }
    if let result {
      output.quantizer = try Quantizer(
        scale: result.scale, zeroPoint: result.zeroPoint, dtype: first.dtype,
        operation: Self.torchName)
    }
    return output
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try join(inputs, output) { tensor throws(OctetError) in tensor }
  }

  var saved: SavedForBackward { [] }

  /// Each input's part of the gradient.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let axis = Shapes.normalize(axis: dim, rank: context.gradient.rank) ?? 0
    var (start, results): (Int, [Tensor?]) = (0, [])
    for (spec, isNeeded) in zip(context.inputSpecs, context.needs) {
      let end = start + spec.shape[axis]
      results.append(isNeeded ? try context.gradient.slice(dim: axis, start..<end) : nil)
      start = end
    }
    return results
  }

  /// Integers of another scale or zero point are rounded to the output's.
  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let to = try rules(output)
    let floor = result?.relu == true ? to.zeroPoint : to.range.lowerBound
    if output.dtype.bitWidth == 8 { return try joinBytes(inputs, output, to, floor) }
    return try join(inputs, output) { tensor throws(OctetError) in
      let from = try rules(tensor.spec)
      if from == to {
        if floor == to.range.lowerBound { return tensor }
        return try tensor.mapCodes(tensor.spec, operation: Self.torchName) { max($0, floor) }
      }
      return try tensor.mapCodes(tensor.spec, operation: Self.torchName) {
        max(to.code(from.real($0)), floor)
      }
    }
  }

  /// Codes of bytes, each input through a table of its own where its integers mean something else.
  private func joinBytes(
    _ inputs: [Tensor], _ output: TensorSpec, _ to: ScalarQuantization, _ floor: Int32
  ) throws(OctetError) -> Tensor {
    let axis = Shapes.normalize(axis: dim, rank: output.rank) ?? 0
    let isChannelsLast = inputs.allSatisfy { $0.preferredFormat == .channelsLast }
    let format: MemoryFormat = isChannelsLast ? .channelsLast : .contiguous
    let target = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer, format: format,
      operation: Self.torchName)
    // The channel varies fastest, after the spatial dimensions.
    let order = isChannelsLast ? [0] + Array(2..<output.rank) + [1] : Array(0..<output.rank)
    let place = order.firstIndex(of: axis) ?? 0
    var parts: [Kernel.JoinedPart] = []
    for tensor in inputs {
      let from = try rules(tensor.spec)
      let isKept = from == to && floor == to.range.lowerBound
      let isSigned = output.dtype.storageDType == .int8
      parts.append(
        Kernel.JoinedPart(
          tensor: try tensor.contiguous(format),
          columns: order[place...].reduce(1) { $0 * tensor.shape[$1] },
          table: isKept
            ? nil
            : Tensor.table(isSigned: isSigned) {
              max(from == to ? $0 : to.code(from.real($0)), floor)
            }))
    }
    let rows = order[..<place].reduce(1) { $0 * output.shape[$1] }
    try Kernel.joinRows(parts, rows: rows, into: target, operation: Self.torchName)
    return target
  }

  private func join(
    _ inputs: [Tensor], _ output: TensorSpec,
    _ convert: (Tensor) throws(OctetError) -> Tensor
  ) throws(OctetError) -> Tensor {
    let axis = Shapes.normalize(axis: dim, rank: output.rank) ?? 0
    let isChannelsLast = inputs.allSatisfy { $0.preferredFormat == .channelsLast }
    let target = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer,
      format: isChannelsLast ? .channelsLast : .contiguous, operation: Self.torchName)
    var start = 0
    for tensor in inputs {
      let length = tensor.shape[axis]
      let place = try target.slice(dim: axis, start..<(start + length))
      try place.copyElements(from: convert(tensor))
      start += length
    }
    return target
  }
}

extension Functional {
  /// The tensors one behind the other along `dim`. torch.cat.
  ///
  /// Quantized tensors are per tensor; integers of another scale or zero point than the first one's are rounded to the first
  /// one's.
  ///
  /// - Parameters:
  ///   - tensors: at least one; one dtype, and one shape but for `dim`.
  ///   - dim: counted from the end when negative.
  public static func concatenate(_ tensors: [Tensor], dim: Int = 0) throws(OctetError) -> Tensor {
    try apply(Concatenate(dim: dim), tensors)
  }

  /// `concatenate` of quantized tensors, rounded to a scale and zero point of the result's own:
  /// `clamp(zo + rint(s * (q - z) * (1 / so)))`. torch's quantized::cat and, with `relu`, quantized::cat_relu.
  public static func quantizedConcatenate(
    _ tensors: [Tensor], dim: Int = 0, scale: Double, zeroPoint: Int, relu: Bool = false
  ) throws(OctetError) -> Tensor {
    let result = QuantizedArithmeticResult(scale: scale, zeroPoint: zeroPoint, relu: relu)
    return try apply(Concatenate(dim: dim, result: result), tensors)
  }
}
