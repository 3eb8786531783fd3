// Tensors put together and taken apart. All are made of views and `Concatenate`, whose gradients and quantizers they share.
extension Functional {
  /// Tensors of one shape along a new dimension. Quantized ones are rounded to the first one's quantizer. torch.stack.
  public static func stack(_ tensors: [Tensor], dim: Int = 0) throws(OctetError) -> Tensor {
    guard let first = tensors.first else {
      throw OctetError(
        .invalidArgument, operation: "stack", argument: "tensors",
        expected: "at least one tensor", received: "an empty list")
    }
    guard let d = Shapes.normalize(axis: dim, rank: first.rank + 1) else {
      throw OctetError(
        .outOfRange, operation: "stack", argument: "dim",
        expected: "a dim in \(-first.rank - 1)...\(first.rank)", received: "dim \(dim)")
    }
    for (i, tensor) in tensors.enumerated() {
      guard tensor.shape == first.shape else {
        throw OctetError(
          .shapeMismatch, operation: "stack", argument: "tensors[\(i)]",
          expected: "the first one's shape \(first.shape)", received: "shape \(tensor.shape)")
      }
    }
    return try recorded(as: "stack") { () throws(OctetError) in
      var lifted: [Tensor] = []
      for tensor in tensors { lifted.append(try tensor.unsqueezed(d)) }
      return try concatenate(lifted, dim: d)
    }
  }

  /// Views of `size` slices each, the last one of what is left. torch.split.
  public static func split(_ input: Tensor, size: Int, dim: Int = 0) throws(OctetError)
    -> [Tensor]
  {
    let length = try length(of: dim, input, "split")
    guard size > 0 else {
      throw OctetError(
        .invalidArgument, operation: "split", argument: "split_size",
        expected: "a positive size", received: "\(size)")
    }
    let whole = length / size
    let rest = length % size
    // Of nothing there is one empty part, as in torch.
    let sizes = [Int](repeating: size, count: whole) + (rest > 0 || length == 0 ? [rest] : [])
    return try split(input, sizes: sizes, dim: dim)
  }

  /// Views of the given sizes, which add up to the dimension. torch.split with a list.
  public static func split(_ input: Tensor, sizes: [Int], dim: Int = 0) throws(OctetError)
    -> [Tensor]
  {
    let length = try length(of: dim, input, "split")
    var sum = 0
    for size in sizes {
      guard size >= 0, size <= length - sum else {
        sum = -1
        break
      }
      sum += size
    }
    guard sum == length else {
      throw OctetError(
        .invalidArgument, operation: "split", argument: "split_sizes",
        expected: "sizes that add up to \(length), the size of dim \(dim)",
        received: "\(sizes)")
    }
    return try recorded(as: "split") { () throws(OctetError) in
      var (parts, start): ([Tensor], Int) = ([], 0)
      for size in sizes {
        parts.append(try input.slice(dim: dim, start..<(start + size)))
        start += size
      }
      return parts
    }
  }

  /// At most `chunks` views of one size, the last one smaller when it doesn't divide. torch.chunk.
  public static func chunk(_ input: Tensor, chunks: Int, dim: Int = 0) throws(OctetError)
    -> [Tensor]
  {
    let length = try length(of: dim, input, "chunk")
    guard chunks > 0 else {
      throw OctetError(
        .invalidArgument, operation: "chunk", argument: "chunks",
        expected: "a positive number", received: "\(chunks)")
    }
    return try recorded(as: "chunk") { () throws(OctetError) in
      try split(input, size: max((length - 1) / chunks + 1, 1), dim: dim)
    }
  }

  /// The slices along `dim`, which disappears. torch.unbind.
  public static func unbind(_ input: Tensor, dim: Int = 0) throws(OctetError) -> [Tensor] {
    let length = try length(of: dim, input, "unbind")
    return try recorded(as: "unbind") { () throws(OctetError) in
      var slices: [Tensor] = []
      for index in 0..<length { slices.append(try input.select(dim: dim, index: index)) }
      return slices
    }
  }

  private static func length(of dim: Int, _ input: Tensor, _ operation: String)
    throws(OctetError) -> Int
  {
    guard let d = Shapes.normalize(axis: dim, rank: input.rank) else {
      throw OctetError(
        .outOfRange, operation: operation, argument: "dim",
        expected: "a dim in \(-input.rank)..<\(input.rank)", received: "dim \(dim)")
    }
    return input.shape[d]
  }
}
