import COctet

/// The pool family of the C library.
extension Kernel {
  /// Largest integers of each window, channels last on both sides, `[N, C, spatial...]`.
  static func maxPool(_ x: Tensor, _ window: WindowGeometry, into y: Tensor) throws(OctetError) {
    var pool = oct_pool()
    pool.struct_size = UInt32(MemoryLayout<oct_pool>.size)
    pool.dtype = type(of: x.dtype)
    pool.rank = UInt32(window.rank)
    pool.batch = x.shape[0]
    pool.channels = x.shape[1]
    withUnsafeMutableBytes(of: &pool.in) { fill($0, x.shape[2...]) }
    withUnsafeMutableBytes(of: &pool.out) { fill($0, y.shape[2...]) }
    withUnsafeMutableBytes(of: &pool.kernel) { fill($0, window.kernel[...]) }
    withUnsafeMutableBytes(of: &pool.stride) { fill($0, window.stride[...]) }
    withUnsafeMutableBytes(of: &pool.padding) { fill($0, window.padding[...]) }
    withUnsafeMutableBytes(of: &pool.dilation) { fill($0, window.dilation[...]) }
    pool.x = UnsafeRawPointer(x.baseAddress)
    pool.x_stride = x.shape[1]
    pool.y = y.baseAddress
    pool.y_stride = y.shape[1]
    try run(workspace: 0, "max_pool") { run in oct_max_pool(&pool, run) }
  }

  /// Writes sizes into a C array of them.
  static func fill(_ array: UnsafeMutableRawBufferPointer, _ values: ArraySlice<Int>) {
    let slots = array.bindMemory(to: Int.self)
    for (slot, value) in values.enumerated() { slots[slot] = value }
  }
}
