/// Copies whose element at `[i, j, ...]` comes from `[a[i], b[j], ...]`: a table of places for each dimension. Flips, rolls,
/// repetitions, padding and selections of slices are such copies, and the derivative of each adds up along the same tables.
enum AxisTables {
  /// Fills `result` from `x`. A nil table leaves its dimension alone; a negative place stands for `fill`.
  ///
  /// - Parameters:
  ///   - tables: one for each dimension of `x`, made when there is something to copy.
  ///   - fill: the stored bits of what comes from nowhere.
  static func gather(
    _ x: Tensor, _ spec: TensorSpec, fill: UInt64 = 0, operation: String,
    _ tables: () throws(OctetError) -> [[Int]?]
  ) throws(OctetError) -> Tensor {
    let format = x.preferredFormat
    let result = try Tensor(
      uninitialized: spec.shape, dtype: spec.dtype, quantizer: spec.quantizer, format: format,
      operation: operation)
    if result.count == 0 { return result }
    let places = try tables()
    let source = try x.contiguous(format)
    let walk =
      if let order = memoryOrder(x.rank, format) {
        Walk(source: order.map { x.shape[$0] }, tables: order.map { places[$0] })
      } else {
        Walk(source: x.shape, tables: places)
      }
    switch spec.dtype.bitWidth {
    case 8: copy(source, result, walk, UInt8(truncatingIfNeeded: fill))
    case 16: copy(source, result, walk, UInt16(truncatingIfNeeded: fill))
    case 32: copy(source, result, walk, UInt32(truncatingIfNeeded: fill))
    default: copy(source, result, walk, fill)
    }
    return result
  }

  /// The derivative of `gather`: each element of `gradient` added to where it came from, in memory order.
  static func scatterAdd(
    _ gradient: Tensor, to spec: TensorSpec, _ tables: () throws(OctetError) -> [[Int]?]
  ) throws(OctetError) -> Tensor {
    switch spec.dtype {
    case .float64: return try add(gradient, spec, Double(0), tables)
    case .float32: return try add(gradient, spec, Float(0), tables)
    default:
      let wide = try add(gradient.converted(to: .float32), spec, Float(0), tables)
      return try wide.converted(to: spec.dtype)
    }
  }

  private static func add<Real: RealScalar>(
    _ gradient: Tensor, _ spec: TensorSpec, _ zero: Real,
    _ tables: () throws(OctetError) -> [[Int]?]
  ) throws(OctetError) -> Tensor {
    let result = try Tensor(repeating: zero, shape: spec.shape)
    if gradient.count == 0 || result.count == 0 { return result }
    let walk = Walk(source: spec.shape, tables: try tables())
    try gradient.contiguous().withElements(Real.self) { from in
      result.withMutableElements(Real.self) { to in
        walk.forEachRun { place, source in
          guard let source else { return }
          for i in 0..<walk.block { to[source + i] += from[place + i] }
        }
      }
    }
    return result
  }

  private static func copy<Word: BitwiseCopyable>(
    _ source: Tensor, _ target: Tensor, _ walk: Walk, _ fill: Word
  ) {
    let from = source.baseAddress.assumingMemoryBound(to: Word.self)
    let to = target.baseAddress.assumingMemoryBound(to: Word.self)
    walk.forEachRun { place, source in
      if let source {
        (to + place).update(from: from + source, count: walk.block)
      } else {
        (to + place).update(repeating: fill, count: walk.block)
      }
    }
    withExtendedLifetime(source) {}
  }

  /// The dimensions from the slowest in memory to the fastest, nil when that is their own order.
  private static func memoryOrder(_ rank: Int, _ format: MemoryFormat) -> [Int]? {
    format == .contiguous || rank < 3 ? nil : [0] + Array(2..<rank) + [1]
  }

  /// Steps through a result in memory order: runs of `block` elements that lie together in the source too.
  private struct Walk {
    let source: [Int]
    let tables: [[Int]?]
    let block: Int
    private let last: Int
    private let strides: [Int]

    init(source: [Int], tables: [[Int]?]) {
      (self.source, self.tables) = (source, tables)
      last = tables.lastIndex { $0 != nil } ?? -1
      block = source[(last + 1)...].reduce(1, *)
      strides = Shapes.contiguousStrides(source)
    }

    /// Calls `body` with each run's place in the result, and in the source if it has one.
    @inline(__always)
    func forEachRun(_ body: (Int, Int?) -> Void) {
      guard last >= 0, let inner = tables[last] else { return body(0, 0) }
      let sizes = (0..<last).map { tables[$0]?.count ?? source[$0] }
      var index = [Int](repeating: 0, count: last)
      var place = 0
      repeat {
        var base = 0
        var exists = true
        for d in 0..<last {
          let at = tables[d]?[index[d]] ?? index[d]
          exists = exists && at >= 0
          base += at * strides[d]
        }
        for at in inner {
          body(place, exists && at >= 0 ? base + at * strides[last] : nil)
          place += block
        }
      } while Self.advance(&index, sizes)
    }

    private static func advance(_ index: inout [Int], _ sizes: [Int]) -> Bool {
      for d in sizes.indices.reversed() {
        index[d] += 1
        if index[d] < sizes[d] { return true }
        index[d] = 0
      }
      return false
    }
  }
}

extension Operator {
  /// Refuses packed types, and per-channel tensors whose channels `moved` would change places.
  func requireMovable(_ spec: TensorSpec, _ argument: String, moved: (Int) -> Bool)
    throws(OctetError)
  {
    if spec.dtype.bitWidth < 8 {
      throw error(
        .dtypeMismatch, argument, expected: "at least a byte per element",
        received: "dtype \(spec.dtype.rawValue)", fix: "dequantize it first")
    }
    if let axis = spec.quantizer?.axis, moved(axis) {
      throw error(
        .invalidQuantizer, argument, expected: "dims that leave the channel axis \(axis) alone",
        received: "a per-channel tensor along it", fix: "dequantize it first")
    }
  }

  /// `dim` counted from the front.
  func axis(_ dim: Int, _ spec: TensorSpec) throws(OctetError) -> Int {
    guard let d = Shapes.normalize(axis: dim, rank: spec.rank) else {
      throw error(
        .outOfRange, "dim", expected: "a dim in \(-spec.rank)..<\(spec.rank)",
        received: "dim \(dim)")
    }
    return d
  }

  /// Dims counted from the front, each once.
  func axes(_ dims: [Int], _ spec: TensorSpec) throws(OctetError) -> [Int] {
    var found: [Int] = []
    for dim in dims {
      let d = try axis(dim, spec)
      guard !found.contains(d) else {
        throw error(
          .invalidArgument, "dims", expected: "each dim once", received: "\(dims)")
      }
      found.append(d)
    }
    return found
  }
}
