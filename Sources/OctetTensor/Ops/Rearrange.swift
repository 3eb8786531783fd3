/// Copies that put elements in other places. torch.flip, Tensor.repeat, torch.index_select.
extension Functional {
  /// The elements in reverse order along `dims`. torch.flip.
  public static func flip(_ input: Tensor, dims: [Int]) throws(OctetError) -> Tensor {
    try input.requirePlainElements("flip")
    var (strides, offset) = (input.strides, input.offset)
    var seen: Set<Int> = []
    for dim in dims {
      let d = try axis(dim, of: input, "flip")
      guard seen.insert(d).inserted else {
        throw OctetError(
          .invalidArgument, operation: "flip", argument: "dims", expected: "each dim once",
          received: "\(dims)")
      }
      offset += max(input.shape[d] - 1, 0) * strides[d]
      strides[d] = -strides[d]
    }
    // Negative strides exist in this source of a copy only.
    return try Tensor(
      storage: input.storage, offset: offset, shape: input.shape, strides: strides,
      dtype: input.dtype, quantizer: input.quantizer
    ).clone(.contiguous)
  }

  /// The tensor `counts[d]` times along each dimension d; further counts in front add dimensions. torch's `repeat`.
  public static func tile(_ input: Tensor, counts: [Int]) throws(OctetError) -> Tensor {
    try input.requirePlainElements("repeat")
    let added = counts.count - input.rank
    guard added >= 0, counts.allSatisfy({ $0 >= 0 }) else {
      throw OctetError(
        .invalidArgument, operation: "repeat", argument: "repeats",
        expected: "at least \(input.rank) counts, none negative", received: "\(counts)")
    }
    var (interleaved, steps, shape): ([Int], [Int], [Int]) = ([], [], [])
    for (d, count) in counts.enumerated() {
      let size = d < added ? 1 : input.shape[d - added]
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      shape.append(overflow ? -1 : product)
      interleaved += [count, size]
      steps += [0, d < added ? 0 : input.strides[d - added]]
    }
    let result = try Tensor(
      uninitialized: shape, dtype: input.dtype, quantizer: input.quantizer, operation: "repeat")
    let source = Tensor(
      storage: input.storage, offset: input.offset, shape: interleaved, strides: steps,
      dtype: input.dtype, quantizer: input.quantizer)
    try result.view(interleaved).copyElements(from: source)
    return result
  }

  /// The slices of `dim` that `index` names, in its order. torch.index_select.
  ///
  /// - Parameter index: int64 or int32 `[k]`, each in `0..<size`.
  public static func indexSelect(_ input: Tensor, dim: Int, index: Tensor) throws(OctetError)
    -> Tensor
  {
    try input.requirePlainElements("index_select")
    let d = try axis(dim, of: input, "index_select")
    guard index.rank <= 1, index.dtype == .int64 || index.dtype == .int32 else {
      throw OctetError(
        .dtypeMismatch, operation: "index_select", argument: "index",
        expected: "dtype int64 or int32, shape [k]",
        received: "dtype \(index.dtype.rawValue), shape \(index.shape)")
    }
    let indices: [Int64] = try index.converted(to: .int64).elements()
    var shape = input.shape
    shape[d] = indices.count
    let result = try Tensor(
      uninitialized: shape, dtype: input.dtype, quantizer: input.quantizer,
      operation: "index_select")
    for (place, index) in indices.enumerated() {
      guard index >= 0, index < input.shape[d] else {
        throw OctetError(
          .outOfRange, operation: "index_select", argument: "index",
          expected: "indices in 0..<\(input.shape[d])", received: "index \(index)")
      }
      try result.select(dim: d, index: place)
        .copyElements(from: input.select(dim: d, index: Int(index)))
    }
    return result
  }

  /// `dim` counted from the front.
  static func axis(_ dim: Int, of input: Tensor, _ operation: String) throws(OctetError) -> Int {
    guard let d = Shapes.normalize(axis: dim, rank: input.rank) else {
      throw OctetError(
        .outOfRange, operation: operation, argument: "dim",
        expected: "a dim in \(-input.rank)..<\(input.rank)", received: "dim \(dim)")
    }
    return d
  }
}
