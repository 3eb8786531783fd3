import COctet

/// The pool family of the C library.
extension Kernel {
  /// Largest integers of each window, channels last on both sides, `[N, C, spatial...]`.
  static func maxPool(_ x: Tensor, _ window: WindowGeometry, into y: Tensor) throws(OctetError) {
    var pool = poolShape(x, y)
    set(window, in: &pool)
    try run(workspace: 0, "max_pool") { run in oct_max_pool(&pool, run) }
  }

  /// Rounded means of the integers of each window, channels last on both sides.
  static func averagePool(
    _ x: Tensor, _ window: WindowGeometry, _ rule: AverageRule, into y: Tensor, _ operation: String
  ) throws(OctetError) {
    var pool = poolShape(x, y)
    set(window, in: &pool)
    var average = averageShape(rule)
    try run(workspace: 0, operation) { run in oct_average_pool(&pool, &average, run) }
  }

  /// Rounded means over windows that divide the input evenly, channels last on both sides.
  static func adaptiveAveragePool(
    _ x: Tensor, _ rule: AverageRule, into y: Tensor, _ operation: String
  ) throws(OctetError) {
    var pool = poolShape(x, y)
    var average = averageShape(rule)
    try run(workspace: 0, operation) { run in oct_adaptive_average_pool(&pool, &average, run) }
  }

  private static func averageShape(_ rule: AverageRule) -> oct_average {
    var average = oct_average()
    average.struct_size = UInt32(MemoryLayout<oct_average>.size)
    average.zero_point = Int32(rule.zeroPoint)
    average.order = rule.roundsFirst ? OCT_ROUND_FIRST : OCT_ADD_FIRST
    average.count_padding = rule.countsPadding
    average.divisor = rule.divisor ?? 0
    return average
  }

  private static func poolShape(_ x: Tensor, _ y: Tensor) -> oct_pool {
    var pool = oct_pool()
    pool.struct_size = UInt32(MemoryLayout<oct_pool>.size)
    pool.dtype = type(of: x.dtype)
    pool.rank = UInt32(x.rank - 2)
    pool.batch = x.shape[0]
    pool.channels = x.shape[1]
    withUnsafeMutableBytes(of: &pool.in) { fill($0, x.shape[2...]) }
    withUnsafeMutableBytes(of: &pool.out) { fill($0, y.shape[2...]) }
    pool.x = UnsafeRawPointer(x.baseAddress)
    pool.x_stride = x.shape[1]
    pool.y = y.baseAddress
    pool.y_stride = y.shape[1]
    return pool
  }

  private static func set(_ window: WindowGeometry, in pool: inout oct_pool) {
    withUnsafeMutableBytes(of: &pool.kernel) { fill($0, window.kernel[...]) }
    withUnsafeMutableBytes(of: &pool.stride) { fill($0, window.stride[...]) }
    withUnsafeMutableBytes(of: &pool.padding) { fill($0, window.padding[...]) }
    withUnsafeMutableBytes(of: &pool.dilation) { fill($0, window.dilation[...]) }
  }

  /// Writes sizes into a C array of them.
  static func fill(_ array: UnsafeMutableRawBufferPointer, _ values: ArraySlice<Int>) {
    let slots = array.bindMemory(to: Int.self)
    for (slot, value) in values.enumerated() { slots[slot] = value }
  }
}

/// How means of integers are rounded and what they are divided by.
struct AverageRule {
  /// What each element is relative to.
  var zeroPoint: Int
  /// True when the zero point is added after rounding.
  var roundsFirst: Bool
  /// True when elements in the padding count.
  var countsPadding = false
  /// What sums are divided by instead of the number of elements.
  var divisor: Int?
}
