/// A copy with some elements replaced or added to, at the places that an index names along one dimension. torch.scatter and
/// scatter_add.
struct ScatterElements: DifferentiableOperator {
  static let torchName = "scatter"
  static let onnxName: String? = "ScatterElements"
  static var widensHalf: Bool { true }

  enum Kind: String, Sendable, CaseIterable {
    case replace = "scatter"
    case add = "scatter_add"
  }

  let kind: Kind
  let dim: Int

  var name: String { kind.rawValue }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, source, index) = (inputs[0], inputs[1], inputs[2])
    let d = try axis(dim, x)
    if kind == .add {
      try require(x, "self", dtypes: [.float32, .float64, .int64])
    } else {
      try requireMovable(x, "self") { _ in true }
    }
    guard source.dtype == x.dtype else {
      throw error(
        .dtypeMismatch, "src", expected: "self's dtype \(x.dtype.rawValue)",
        received: "dtype \(source.dtype.rawValue)")
    }
    if source.isQuantized { try requirePerTensor(source, "src") }
    try requireIndex(index, x, d)
    guard source.rank == index.rank, zip(index.shape, source.shape).allSatisfy({ $0 <= $1 })
    else {
      throw error(
        .shapeMismatch, "src", expected: "a shape of at least the index's \(index.shape)",
        received: "shape \(source.shape)")
    }
    return x
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let d = try axis(dim, output)
    let result = try inputs[0].clone(.contiguous)
    let index = inputs[2]
    let places = try ElementPlaces(index, in: output.shape, dim: d, operation: name)
    let source = try covered(inputs[1], index.shape)
    switch (kind, output.dtype) {
    case (.add, .float32): add(source, places, into: result, Float.self, +)
    case (.add, .float64): add(source, places, into: result, Double.self, +)
    case (.add, _): add(source, places, into: result, Int64.self, &+)
    case (.replace, _): replace(source, places, into: result)
    }
    return result
  }

  /// Integers of the source with another scale or zero point are rounded to the output's.
  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(
      [inputs[0], inputs[1].requantized(to: output, operation: name), inputs[2]], output)
  }

  /// The part of the source that the index covers.
  private func covered(_ source: Tensor, _ shape: [Int]) throws(OctetError) -> Tensor {
    var part = source
    for (d, size) in shape.enumerated() where size < source.shape[d] {
      part = try part.slice(dim: d, 0..<size)
    }
    return try part.contiguous()
  }

  private func add<Scalar: TensorScalar>(
    _ source: Tensor, _ places: ElementPlaces, into result: Tensor, _ type: Scalar.Type,
    _ sum: (Scalar, Scalar) -> Scalar
  ) {
    source.withElements(type) { x in
      result.withMutableElements(type) { y in
        for (i, place) in places.offsets.enumerated() { y[place] = sum(y[place], x[i]) }
      }
    }
  }

  private func replace(_ source: Tensor, _ places: ElementPlaces, into result: Tensor) {
    func copy<Word: BitwiseCopyable>(_ type: Word.Type) {
      let from = source.baseAddress.assumingMemoryBound(to: Word.self)
      let to = result.baseAddress.assumingMemoryBound(to: Word.self)
      for (i, place) in places.offsets.enumerated() { to[place] = from[i] }
    }
    switch result.dtype.bitWidth {
    case 8: copy(UInt8.self)
    case 16: copy(UInt16.self)
    case 32: copy(UInt32.self)
    default: copy(UInt64.self)
    }
  }

  /// The source's gradient is gathered from the same places; what was replaced gets none.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (g, index) = (context.gradient, context.inputs[2])
    var results: [Tensor?] = [nil, nil, nil]
    if context.needs[0] {
      let zeros = try Tensor.zeros(index.shape, dtype: g.dtype)
      results[0] = kind == .add ? g : try apply(self, [g, zeros, index])
    }
    if context.needs[1] {
      var flowing = try Functional.gather(g, dim: dim, index: index)
      let shape = context.inputSpecs[1].shape
      if flowing.shape != shape {
        flowing = try Functional.pad(
          flowing, before: shape.map { _ in 0 }, after: zip(shape, flowing.shape).map { $0 - $1 })
      }
      results[1] = flowing
    }
    return results
  }
}

extension Functional {
  /// A copy of the input with `y[index[i, j], j] = source[i, j]` for dim 0 and so on; of several sources for one place the last
  /// wins. Any whole-byte dtype; quantized tensors are per tensor, and the source is rounded to the input's quantizer.
  /// torch.scatter.
  ///
  /// - Parameters:
  ///   - index: int64 or int32, no larger than the source, nor than the input but along `dim`.
  ///   - source: the input's dtype.
  public static func scatter(_ input: Tensor, dim: Int, index: Tensor, source: Tensor)
    throws(OctetError) -> Tensor
  {
    try apply(ScatterElements(kind: .replace, dim: dim), [input, source, index])
  }

  /// As `scatter`, adding to what is there, in the order of the index; float dtypes and int64. torch.scatter_add.
  public static func scatterAdd(_ input: Tensor, dim: Int, index: Tensor, source: Tensor)
    throws(OctetError) -> Tensor
  {
    try apply(ScatterElements(kind: .add, dim: dim), [input, source, index])
  }
}

extension Tensor {
  /// `Functional.scatter`, trapping on mistakes.
  public func scatter(dim: Int, index: Tensor, source: Tensor) -> Tensor {
    eager { try Functional.scatter(self, dim: dim, index: index, source: source) }
  }

  /// `Functional.scatterAdd`, trapping on mistakes.
  public func scatterAdd(dim: Int, index: Tensor, source: Tensor) -> Tensor {
    eager { try Functional.scatterAdd(self, dim: dim, index: index, source: source) }
  }
}
