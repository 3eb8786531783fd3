/// Windows that divide a dimension evenly.
enum AdaptiveWindows {
  /// The places that the window of the output's place `o` sees: `floor(o * size / count)..<ceil((o + 1) * size / count)`.
  static func window(_ o: Int, of count: Int, size: Int) -> Range<Int> {
    (o * size / count)..<(((o + 1) * size + count - 1) / count)
  }

  /// The output's spatial size; a dimension that is nil keeps the input's.
  static func sizes(_ requested: [Int?], _ input: [Int], name: String) throws(OctetError) -> [Int] {
    let rank = requested.count
    guard (1...3).contains(rank), input.count == rank + 1 || input.count == rank + 2 else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "input",
        expected: "shape [N, C, spatial...] with 1 to 3 spatial dimensions, \(rank) here",
        received: "\(input)")
    }
    let limit = 1...Int(Int32.max)
    var sizes: [Int] = []
    for (requested, size) in zip(requested, input.suffix(rank)) {
      let count = requested ?? size
      guard limit.contains(size), limit.contains(count) else {
        throw OctetError(
          .invalidArgument, operation: name, argument: "output_size",
          expected: "positive sizes of a tensor that isn't empty",
          received: "\(count) for shape \(input)")
      }
      sizes.append(count)
    }
    return sizes
  }
}

extension Functional {
  /// The largest element of each window `floor(o * in / out)..<ceil((o + 1) * in / out)`, over as many spatial dimensions as
  /// `outputSize` has; a dimension that is nil keeps the input's size. torch.nn.functional.adaptive_max_pool1d/2d/3d.
  ///
  /// - Parameter input: float32 or a half type `[N, C, spatial...]`; N may be left out.
  public static func adaptiveMaxPool(_ input: Tensor, outputSize: [Int?]) throws(OctetError)
    -> Tensor
  {
    let rank = outputSize.count
    let name = "adaptive_max_pool\(rank)d"
    let sizes = try AdaptiveWindows.sizes(outputSize, input.shape, name: name)
    guard input.dtype == .float32 || input.dtype.isHalf else {
      throw OctetError(
        .dtypeMismatch, operation: name, argument: "input",
        expected: "dtype float32, float16 or bfloat16",
        received: "dtype \(input.dtype.rawValue)", fix: "dequantize it first")
    }
    // The largest of a box is the largest of the largest of its rows: one dimension after the other.
    var result = input
    for (i, count) in sizes.enumerated() {
      let dim = input.rank - rank + i
      var parts: [Tensor] = []
      for o in 0..<count {
        let window = AdaptiveWindows.window(o, of: count, size: input.shape[dim])
        parts.append(
          try maximum(result.slice(dim: dim, window), dims: [dim], keepDims: true))
      }
      result = try concatenate(parts, dim: dim)
    }
    return result
  }
}
