/// Spatial dimensions extended by their mirror image, the edge itself not repeated. torch.nn.functional.pad with
/// `mode="reflect"`.
struct ReflectionPad: DifferentiableOperator {
  static let torchName = "reflection_pad"
  static let onnxName: String? = "Pad"

  /// Elements that come in front of and behind each of the last dimensions.
  let before: [Int]
  let after: [Int]

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    var spec = inputs[0]
    guard before.count == after.count, (1...3).contains(before.count), spec.rank > before.count
    else {
      throw error(
        .shapeMismatch, "padding", expected: "1 to 3 dimensions fewer than those of the input",
        received: "padding \(before), \(after) for shape \(spec.shape)")
    }
    if let axis = spec.quantizer?.axis, axis >= spec.rank - before.count {
      throw error(
        .invalidQuantizer, "input", expected: "a channel axis that isn't padded",
        received: "axis \(axis)", fix: "dequantize it first")
    }
    guard spec.dtype.bitWidth >= 8 else {
      throw error(
        .dtypeMismatch, "input", expected: "at least a byte per element",
        received: "dtype \(spec.dtype.rawValue)", fix: "dequantize it first")
    }
    for (i, d) in (spec.rank - before.count..<spec.rank).enumerated() {
      let size = spec.shape[d]
      guard (0..<max(size, 1)).contains(before[i]), (0..<max(size, 1)).contains(after[i]) else {
        throw error(
          .invalidArgument, "padding", expected: "padding below the size \(size) of dim \(d)",
          received: "\(before[i]) and \(after[i])")
      }
      spec.shape[d] = before[i] + size + after[i]
    }
    return spec
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    var current = inputs[0]
    let first = current.rank - before.count
    for i in before.indices where before[i] > 0 || after[i] > 0 {
      current = try pad(current, dim: first + i, before: before[i], after: after[i])
    }
    return current
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  var saved: SavedForBackward { [] }

  /// Adds each element's gradient to that of the element it mirrors.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    var current = try context.gradient.converted(to: .float32)
    let first = current.rank - before.count
    for i in before.indices.reversed() where before[i] > 0 || after[i] > 0 {
      let (dim, size) = (first + i, context.inputSpecs[0].shape[first + i])
      var shape = current.shape
      shape[dim] = size
      let folded = try Tensor(repeating: Float(0), shape: shape)
      for place in 0..<current.shape[dim] {
        let source = mirrored(place, before: before[i], size: size)
        try folded.select(dim: dim, index: source)
          .accumulate(current.select(dim: dim, index: place))
      }
      current = folded
    }
    return [try current.converted(to: context.inputSpecs[0].dtype)]
  }

  /// The element that `place` of a padded dimension shows.
  private func mirrored(_ place: Int, before: Int, size: Int) -> Int {
    let distance = abs(place - before)
    return distance < size ? distance : 2 * (size - 1) - distance
  }

  private func pad(
    _ input: Tensor, dim: Int, before: Int, after: Int
  ) throws(OctetError) -> Tensor {
    let size = input.shape[dim]
    var shape = input.shape
    shape[dim] = before + size + after
    let result = try Tensor(
      uninitialized: shape, dtype: input.dtype, quantizer: input.quantizer,
      format: input.preferredFormat)
    for place in 0..<shape[dim] {
      let source = mirrored(place, before: before, size: size)
      try result.select(dim: dim, index: place)
        .copyElements(from: input.select(dim: dim, index: source))
    }
    return result
  }
}

extension Functional {
  /// The last dimensions extended by their mirror image, on the stored elements of any whole-byte type; a quantizer and
  /// the memory format are kept. torch.nn.functional.pad with `mode="reflect"`.
  ///
  /// - Parameters:
  ///   - input: `[N, C, spatial...]`.
  ///   - before: elements in front of each of the last dimensions, outermost first; below the dimension's size.
  ///   - after: elements behind each of them.
  public static func reflectionPad(_ input: Tensor, before: [Int], after: [Int])
    throws(OctetError) -> Tensor
  {
    try apply(ReflectionPad(before: before, after: after), [input])
  }
}
