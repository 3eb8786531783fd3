import COctet

/// The interpolate family of the C library.
extension Kernel {
  /// Copies the nearest input pixels, channels last on both sides; `steps` are input pixels per output pixel.
  static func interpolateNearest(
    _ x: Tensor, steps: [Float], centered: Bool, into y: Tensor
  ) throws(OctetError) {
    var shape = interpolation(x, steps, y)
    try run(workspace: 0, "interpolate") { run in oct_interpolate_nearest(&shape, centered, run) }
  }

  /// Blends neighbouring input pixels over one or two dimensions, channels last on both sides.
  static func interpolateLinear(
    _ x: Tensor, steps: [Float], alignCorners: Bool, zeroPoint: Int, into y: Tensor
  ) throws(OctetError) {
    var shape = interpolation(x, steps, y)
    try run(workspace: 0, "interpolate") { run in
      oct_interpolate_linear(&shape, alignCorners, Int32(zeroPoint), run)
    }
  }

  private static func interpolation(_ x: Tensor, _ steps: [Float], _ y: Tensor)
    -> oct_interpolation
  {
    var shape = oct_interpolation()
    shape.struct_size = UInt32(MemoryLayout<oct_interpolation>.size)
    shape.dtype = type(of: x.dtype)
    shape.rank = UInt32(x.rank - 2)
    shape.batch = x.shape[0]
    shape.channels = x.shape[1]
    withUnsafeMutableBytes(of: &shape.in) { fill($0, x.shape[2...]) }
    withUnsafeMutableBytes(of: &shape.out) { fill($0, y.shape[2...]) }
    withUnsafeMutableBytes(of: &shape.step) { bytes in
      for (slot, step) in zip(bytes.bindMemory(to: Float.self).indices, steps) {
        bytes.storeBytes(
          of: step, toByteOffset: slot * MemoryLayout<Float>.stride, as: Float.self)
      }
    }
    shape.x = UnsafeRawPointer(x.baseAddress)
    shape.x_stride = x.shape[1]
    shape.y = y.baseAddress
    shape.y_stride = y.shape[1]
    return shape
  }
}
