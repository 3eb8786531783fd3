/// The sizes of a convolution or pooling window, checked once, for one to three spatial dimensions.
///
/// Kernels work on three dimensions: missing ones in front have size 1, stride 1 and no padding.
package struct WindowGeometry: Sendable, Equatable {
  package var kernel: [Int]
  package var stride: [Int]
  package var padding: [Int]
  package var dilation: [Int]

  /// Checks that sizes are positive, paddings non-negative, and that each list has one entry per dimension.
  package init(
    kernel: [Int], stride: [Int], padding: [Int], dilation: [Int], rank: Int, operation: String
  ) throws(OctetError) {
    func fail(_ argument: String, _ expected: String, _ received: [Int]) -> OctetError {
      OctetError(
        .invalidArgument, operation: operation, argument: argument, expected: expected,
        received: "\(argument) \(received)")
    }
    let limit = Int(Int32.max)
    for (name, list, low) in [
      ("kernel_size", kernel, 1), ("stride", stride, 1), ("padding", padding, 0),
      ("dilation", dilation, 1),
    ] {
      guard list.count == rank else {
        throw fail(name, "\(rank) value\(rank == 1 ? "" : "s"), one per spatial dimension", list)
      }
      guard list.allSatisfy({ (low...limit).contains($0) }) else {
        throw fail(name, low == 1 ? "positive values" : "values that aren't negative", list)
      }
    }
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
  }

  package var rank: Int { kernel.count }

  /// Elements that the window spans in dimension `d`.
  package func extent(_ d: Int) -> Int { dilation[d] * (kernel[d] - 1) + 1 }

  /// The output's spatial size, nil when a window doesn't fit.
  package func outputSize(_ input: [Int], ceiling: Bool = false) -> [Int]? {
    var sizes: [Int] = []
    for d in 0..<rank {
      let room = input[d] + 2 * padding[d] - extent(d)
      if room < 0 { return nil }
      var size = (ceiling ? room + stride[d] - 1 : room) / stride[d] + 1
      // A window that starts beyond the input and its leading padding is dropped.
      if ceiling && (size - 1) * stride[d] >= input[d] + padding[d] { size -= 1 }
      sizes.append(size)
    }
    return sizes
  }

  /// The output positions along one dimension whose tap at `shift` from the window's start lies inside the input.
  package static func inside(shift: Int, stride: Int, input: Int, output: Int) -> Range<Int> {
    func ceilingDivide(_ a: Int) -> Int { a >= 0 ? (a + stride - 1) / stride : -(-a / stride) }
    let low = min(max(ceilingDivide(-shift), 0), output)
    return low..<max(min(ceilingDivide(input - shift), output), low)
  }
}
