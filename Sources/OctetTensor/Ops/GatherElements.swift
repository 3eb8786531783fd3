/// Along one dimension, the element that an index names for each place. torch.gather.
struct GatherElements: DifferentiableOperator {
  static let torchName = "gather"
  static let onnxName: String? = "GatherElements"

  let dim: Int

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, index) = (inputs[0], inputs[1])
    let d = try axis(dim, x)
    try requireMovable(x, "input") { $0 == d }
    try requireIndex(index, x, d)
    return TensorSpec(shape: index.shape, dtype: x.dtype, quantizer: x.quantizer)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let d = try axis(dim, inputs[0].spec)
    let result = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer)
    let places = try ElementPlaces(inputs[1], in: inputs[0].shape, dim: d, operation: name)
    let x = try inputs[0].contiguous()
    switch output.dtype.bitWidth {
    case 8: Self.copy(x, result, places, UInt8.self)
    case 16: Self.copy(x, result, places, UInt16.self)
    case 32: Self.copy(x, result, places, UInt32.self)
    default: Self.copy(x, result, places, UInt64.self)
    }
    return result
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  private static func copy<Word: BitwiseCopyable>(
    _ x: Tensor, _ result: Tensor, _ places: ElementPlaces, _ type: Word.Type
  ) {
    let from = x.baseAddress.assumingMemoryBound(to: Word.self)
    let to = result.baseAddress.assumingMemoryBound(to: Word.self)
    for (i, place) in places.offsets.enumerated() { to[i] = from[place] }
  }

  /// `dx` sums the gradients of every time an element was chosen.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let spec = context.inputSpecs[0]
    let zeros = try Tensor.zeros(spec.shape, dtype: spec.dtype)
    return [
      try Functional.scatterAdd(
        zeros, dim: dim, index: context.inputs[1], source: context.gradient), nil,
    ]
  }
}

extension Operator {
  /// An index of the input's rank, no larger than it but along `d`.
  func requireIndex(_ index: TensorSpec, _ x: TensorSpec, _ d: Int) throws(OctetError) {
    try require(index, "index", dtypes: [.int64, .int32])
    guard index.rank == x.rank,
      x.shape.indices.allSatisfy({ $0 == d || index.shape[$0] <= x.shape[$0] })
    else {
      throw error(
        .shapeMismatch, "index",
        expected: "\(x.rank) dims, no larger than \(x.shape) but along dim \(d)",
        received: "shape \(index.shape)")
    }
  }
}

/// Where the elements that an index tensor names lie in a dense tensor.
struct ElementPlaces {
  /// One offset for each element of the index, in logical order.
  let offsets: [Int]

  init(_ index: Tensor, in shape: [Int], dim: Int, operation: String) throws(OctetError) {
    let numbers: [Int64] = try index.converted(to: .int64).elements()
    let size = shape[dim]
    if let wrong = numbers.first(where: { $0 < 0 || $0 >= size }) {
      throw OctetError(
        .outOfRange, operation: operation, argument: "index",
        expected: "indices in 0..<\(size), the size of dim \(dim)", received: "index \(wrong)")
    }
    var strides = Shapes.contiguousStrides(shape)
    let step = strides[dim]
    strides[dim] = 0
    var result: [Int] = []
    result.reserveCapacity(numbers.count)
    if !numbers.isEmpty {
      var walk = StridedWalk(shape: index.shape, strides: [strides])
      for number in numbers {
        result.append(walk.offsets[0] + Int(number) * step)
        _ = walk.advance()
      }
    }
    offsets = result
  }
}

extension Functional {
  /// `y[i, j] = x[index[i, j], j]` for dim 0 and so on: along `dim` the element that the index names, elsewhere its own place. Any
  /// whole-byte dtype; quantizers are kept. torch.gather.
  ///
  /// - Parameter index: int64 or int32, of the input's rank and no larger than it but along `dim`; the result's shape.
  public static func gather(_ input: Tensor, dim: Int, index: Tensor) throws(OctetError)
    -> Tensor
  {
    try apply(GatherElements(dim: dim), [input, index])
  }
}

extension Tensor {
  /// `Functional.gather`, trapping on mistakes.
  public func gather(dim: Int, index: Tensor) -> Tensor {
    eager { try Functional.gather(self, dim: dim, index: index) }
  }
}
