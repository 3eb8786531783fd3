import COctet

/// Grids that real values are rounded to: one, or one for each index of an axis. The fakequant family of the C library.
package struct FakeQuantizeGrids: Sendable {
  /// Zero points: integers, or reals that are added before rounding.
  package enum ZeroPoints: Sendable {
    case integer([Int64])
    case real([Float])
  }

  private let scales: [Float]
  private let zeroPoints: ZeroPoints
  private let range: ClosedRange<Int>

  /// Takes parameters whose numbers agree; the kernels check their values.
  package init(scales: [Float], zeroPoints: ZeroPoints, range: ClosedRange<Int>) {
    self.scales = scales
    self.zeroPoints = zeroPoints
    self.range = range
  }

  /// How many grids there are.
  package var count: Int { scales.count }

  /// Rounds dense float32 values into `y`, which has the same memory order; `mask`, uint8, gets 1 where a value lies
  /// inside the range and 0 elsewhere.
  package func round(_ x: Tensor, axis: Int?, into y: Tensor, mask: Tensor? = nil)
    throws(OctetError)
  {
    try run(x.shape, axis, "fake_quantize") { grids, run in
      oct_fake_quantize(
        grids, Self.reals(x), Self.reals(y), mask?.baseAddress.assumingMemoryBound(to: UInt8.self),
        run)
    }
  }

  /// `dx = dy` where the value of `x` lies inside the range and 0 elsewhere, all dense float32 of one memory order.
  package func gradient(_ dy: Tensor, at x: Tensor, axis: Int?, into dx: Tensor) throws(OctetError)
  {
    try run(x.shape, axis, "fake_quantize") { grids, run in
      oct_fake_quantize_gradient(grids, Self.reals(x), Self.reals(dy), Self.reals(dx), run)
    }
  }

  /// `dx = dy` where the mask that `round` left isn't 0, and 0 elsewhere.
  package static func gradient(_ dy: Tensor, mask: Tensor, into dx: Tensor) throws(OctetError) {
    try Kernel.run(workspace: 0, "fake_quantize") { run in
      oct_fake_quantize_masked_gradient(
        mask.baseAddress.assumingMemoryBound(to: UInt8.self), reals(dy), dy.count, reals(dx), run)
    }
  }

  /// The gradients of learned scales and zero points, `factor` times their sums, and `dx` as `gradient` has it.
  package func learnableGradient(
    _ dy: Tensor, at x: Tensor, axis: Int?, factor: Float, into dx: Tensor
  ) throws(OctetError) -> (scales: [Float], zeroPoints: [Float]) {
    var ofScales = [Float](repeating: 0, count: count)
    var ofZeros = [Float](repeating: 0, count: count)
    try ofScales.withUnsafeMutableBufferPointer { scales throws(OctetError) in
      try ofZeros.withUnsafeMutableBufferPointer { zeros throws(OctetError) in
        try run(x.shape, axis, "fake_quantize_learnable") { grids, run in
          oct_fake_quantize_learnable_gradient(
            grids, Self.reals(x), Self.reals(dy), factor, Self.reals(dx), scales.baseAddress,
            zeros.baseAddress, run)
        }
      }
    }
    return (ofScales, ofZeros)
  }

  private static func reals(_ tensor: Tensor) -> UnsafeMutablePointer<Float> {
    tensor.baseAddress.assumingMemoryBound(to: Float.self)
  }

  /// Runs `body` with the C struct for a tensor of `shape`.
  private func run(
    _ shape: [Int], _ axis: Int?, _ operation: String,
    _ body: (UnsafePointer<oct_fake_quantization>, UnsafePointer<oct_run>) -> oct_status
  ) throws(OctetError) {
    var grids = oct_fake_quantization()
    grids.struct_size = UInt32(MemoryLayout<oct_fake_quantization>.size)
    if let axis {
      grids.shape = oct_channels(
        outer: shape[..<axis].reduce(1, *), channels: shape[axis],
        inner: shape[(axis + 1)...].reduce(1, *))
    } else {
      grids.shape = oct_channels(outer: 1, channels: 1, inner: shape.reduce(1, *))
    }
    precondition(grids.shape.channels == count, "a grid for each channel")
    (grids.quant_min, grids.quant_max) = (Int64(range.lowerBound), Int64(range.upperBound))
    try Kernel.run(workspace: 0, operation) { run in
      scales.withUnsafeBufferPointer { scales in
        grids.scales = scales.baseAddress
        switch zeroPoints {
        case .integer(let zeros):
          return zeros.withUnsafeBufferPointer {
            grids.zero_points = $0.baseAddress
            return body(&grids, run)
          }
        case .real(let zeros):
          return zeros.withUnsafeBufferPointer {
            grids.real_zero_points = $0.baseAddress
            return body(&grids, run)
          }
        }
      }
    }
  }
}
