extension Functional {
  /// Every window of `size` elements along `dim`, `step` apart, as a last dimension. torch's `unfold`, as a copy.
  public static func windows(_ input: Tensor, dim: Int, size: Int, step: Int)
    throws(OctetError) -> Tensor
  {
    guard let d = Shapes.normalize(axis: dim, rank: input.rank) else {
      throw OctetError(
        .outOfRange, operation: "unfold", argument: "dimension",
        expected: "a dim in \(-input.rank)..<\(input.rank)", received: "dim \(dim)")
    }
    guard (0...input.shape[d]).contains(size), step > 0 else {
      throw OctetError(
        .invalidArgument, operation: "unfold", argument: step > 0 ? "size" : "step",
        expected: step > 0 ? "a size in 0...\(input.shape[d])" : "a positive step",
        received: "size \(size), step \(step)")
    }
    let count = (input.shape[d] - size) / step + 1
    let places = (0..<count).flatMap { start in (0..<size).map { Int64(start * step + $0) } }
    let chosen = try indexSelect(input, dim: d, index: Tensor(places, shape: [places.count]))
    var shape = input.shape
    shape.replaceSubrange(d...d, with: [count, size])
    var order = Array(shape.indices)
    order.append(order.remove(at: d + 1))
    return try chosen.reshaped(shape).permuted(order)
  }

  /// The windows of images as columns: `[N, C, H, W]` to `[N, C * kh * kw, L]`. torch.nn.functional.unfold.
  public static func unfold(
    _ input: Tensor, kernel: [Int], dilation: [Int] = [1, 1], padding: [Int] = [0, 0],
    stride: [Int] = [1, 1]
  ) throws(OctetError) -> Tensor {
    guard input.rank == 4, kernel.count == 2, dilation.count == 2, padding.count == 2,
      stride.count == 2, (kernel + dilation + stride).allSatisfy({ $0 > 0 }),
      padding.allSatisfy({ $0 >= 0 })
    else {
      throw OctetError(
        .invalidArgument, operation: "unfold", argument: "kernel_size",
        expected: "an input [N, C, H, W] and two positive numbers each",
        received: "shape \(input.shape), kernel \(kernel), dilation \(dilation), "
          + "padding \(padding), stride \(stride)")
    }
    var x = try pad(input, before: padding, after: padding)
    var out: [Int] = []
    for d in 0..<2 {
      let (span, overflow) = dilation[d].multipliedReportingOverflow(by: kernel[d] - 1)
      guard !overflow, span < x.shape[2 * d + 2] else {
        throw OctetError(
          .shapeMismatch, operation: "unfold", argument: "kernel_size",
          expected: "windows that fit into the padded input \(x.shape)",
          received: "kernel \(kernel), dilation \(dilation)")
      }
      let axis = 2 * d + 2
      let count = (x.shape[axis] - span - 1) / stride[d] + 1
      let places = (0..<kernel[d]).flatMap { tap in
        (0..<count).map { Int64($0 * stride[d] + tap * dilation[d]) }
      }
      var shape = x.shape
      shape.replaceSubrange(axis...axis, with: [kernel[d], count])
      x = try indexSelect(x, dim: axis, index: Tensor(places, shape: [places.count]))
        .reshaped(shape)
      out.append(count)
    }
    // [N, C, kh, oh, kw, ow] to [N, C, kh, kw, oh, ow].
    return try x.permuted([0, 1, 2, 4, 3, 5]).reshaped(
      [input.shape[0], input.shape[1] * kernel[0] * kernel[1], out[0] * out[1]])
  }
}
