/// How views are made: new shapes and strides over the same storage. The operators in Ops/Views.swift are what is called.
extension Tensor {
  private func viewError(
    _ operation: String, _ code: OctetError.Code, _ argument: String, expected: String,
    received: String, fix: String = ""
  ) -> OctetError {
    OctetError(
      code, operation: operation, argument: argument, expected: expected, received: received,
      fix: fix)
  }

  private func axis(_ axis: Int, _ operation: String) throws(OctetError) -> Int {
    guard let normalized = Shapes.normalize(axis: axis, rank: rank) else {
      throw viewError(
        operation, .outOfRange, "dim", expected: "a dim in \(-rank)...\(rank - 1)",
        received: "dim \(axis)")
    }
    return normalized
  }

  /// Packed types are views of whole tensors only.
  private func requireWholeBytes(_ operation: String) throws(OctetError) {
    if dtype.bitWidth < 8 {
      throw viewError(
        operation, .dtypeMismatch, "self", expected: "at least a byte per element",
        received: "dtype \(dtype.rawValue)", fix: "dequantize first")
    }
  }

  private func alias(
    offset: Int? = nil, shape: [Int], strides: [Int], quantizer: Quantizer?
  ) -> Tensor {
    Tensor(
      storage: storage, offset: offset ?? self.offset, shape: shape, strides: strides,
      dtype: dtype, quantizer: quantizer)
  }

  /// Under another shape when the strides allow it; a copy otherwise when `copying`.
  func aliasView(_ shape: [Int], copying: Bool, operation: String) throws(OctetError) -> Tensor {
    if copying {
      let target = try resolve(shape, operation: operation)
      if viewStrides(target) == nil {
        return try contiguous().aliasView(target, copying: false, operation: operation)
      }
    }
    return try aliasView(shape, operation: operation)
  }

  private func aliasView(_ shape: [Int], operation: String) throws(OctetError) -> Tensor {
    let target = try resolve(shape, operation: operation)
    guard let strides = viewStrides(target) else {
      throw viewError(
        operation, .shapeMismatch, "shape", expected: "a shape that strides \(self.strides) allow",
        received: "\(target) for shape \(self.shape)", fix: "use reshape, which copies")
    }
    return alias(
      shape: target, strides: strides, quantizer: try quantizer(for: target, operation: operation))
  }

  private func resolve(_ shape: [Int], operation: String) throws(OctetError) -> [Int] {
    var target = shape
    let free = shape.indices.filter { shape[$0] == -1 }
    if free.count == 1 {
      let known = Shapes.elementCount(shape.filter { $0 != -1 }) ?? 0
      if known > 0, count % known == 0 { target[free[0]] = count / known }
    }
    guard Shapes.elementCount(target) == count else {
      throw viewError(
        operation, .shapeMismatch, "shape", expected: "sizes for \(count) elements (one may be -1)",
        received: "\(shape) for shape \(self.shape)")
    }
    return target
  }

  /// Strides of a view under `target`, nil when the elements would have to move.
  private func viewStrides(_ target: [Int]) -> [Int]? {
    if isContiguous { return Shapes.contiguousStrides(target) }
    if count == 0 { return Shapes.contiguousStrides(target) }
    var result = [Int](repeating: 1, count: target.count)
    var t = target.count - 1
    var chunk = 1
    var viewed = 1
    var base = strides.last ?? 1
    for d in shape.indices.reversed() {
      chunk *= shape[d]
      let breaks = d == 0 || (shape[d - 1] != 1 && strides[d - 1] != chunk * base)
      if !breaks { continue }
      while t >= 0 && (viewed < chunk || target[t] == 1) {
        result[t] = viewed * base
        viewed *= target[t]
        t -= 1
      }
      if viewed != chunk { return nil }
      if d > 0 {
        base = strides[d - 1]
        chunk = 1
        viewed = 1
      }
    }
    return t == -1 ? result : nil
  }

  /// The quantizer under a new shape: a channel axis must survive with its size and with the same elements before it.
  private func quantizer(for target: [Int], operation: String) throws(OctetError) -> Quantizer? {
    guard let quantizer, let axis = quantizer.axis else { return quantizer }
    let outer = shape[..<axis].reduce(1, *)
    var before = 1
    for (d, size) in target.enumerated() {
      if before == outer && size == shape[axis] { return quantizer.moved(to: d) }
      before *= size
    }
    throw viewError(
      operation, .invalidQuantizer, "shape",
      expected: "a shape that keeps the channel axis \(axis) of size \(shape[axis])",
      received: "\(target)", fix: "dequantize first")
  }

  /// Dimensions `start...end` as one.
  func aliasFlattened(from start: Int, through end: Int) throws(OctetError) -> Tensor {
    if rank == 0 { return try aliasView([1], copying: true, operation: "flatten") }
    let first = try axis(start, "flatten")
    let last = try axis(end, "flatten")
    guard first <= last else {
      throw viewError(
        "flatten", .outOfRange, "start_dim", expected: "start_dim at most end_dim",
        received: "start_dim \(start), end_dim \(end)")
    }
    if let channel = quantizer?.axis, first != last, (first...last).contains(channel) {
      throw viewError(
        "flatten", .invalidQuantizer, "start_dim",
        expected: "dims that keep the channel axis \(channel)", received: "\(first)...\(last)",
        fix: "dequantize first")
    }
    let middle = shape[first...last].reduce(1, *)
    return try aliasView(
      Array(shape[..<first]) + [middle] + Array(shape[(last + 1)...]), copying: true,
      operation: "flatten")
  }

  /// The quantizer of a slice: one channel's own parameters when `dim` is the channel axis.
  private func quantizer(selecting index: Int, of dim: Int) throws(OctetError) -> Quantizer? {
    guard let quantizer, let axis = quantizer.axis else { return quantizer }
    if axis != dim { return quantizer.moved(to: axis > dim ? axis - 1 : axis) }
    guard case .perChannel(let scales, let zeros, _) = quantizer.parameters else {
      throw viewError(
        "select", .invalidQuantizer, "dim",
        expected: "a dim other than the channel axis \(axis) with real zero points",
        received: "dim \(dim)", fix: "dequantize first")
    }
    return Quantizer(trusted: .perTensor(scale: scales[index], zeroPoint: zeros[index]))
  }

  /// Slice `index` of `dim`.
  func aliasSelect(dim: Int, index: Int) throws(OctetError) -> Tensor {
    try requireWholeBytes("select")
    let d = try axis(dim, "select")
    guard let i = Shapes.normalize(axis: index, rank: shape[d]) else {
      throw viewError(
        "select", .outOfRange, "index", expected: "an index in \(-shape[d])...\(shape[d] - 1)",
        received: "index \(index)")
    }
    return alias(
      offset: offset + i * strides[d], shape: shape.removing(at: d),
      strides: strides.removing(at: d), quantizer: try quantizer(selecting: i, of: d))
  }

  /// Elements `range` of `dim` in steps.
  func aliasSlice(dim: Int, _ range: Range<Int>, step: Int) throws(OctetError) -> Tensor {
    try requireWholeBytes("slice")
    let d = try axis(dim, "slice")
    guard step > 0 else {
      throw viewError(
        "slice", .invalidArgument, "step", expected: "a positive step", received: "step \(step)")
    }
    let clamped = range.clamped(to: 0..<shape[d])
    guard clamped == range || range.isEmpty else {
      throw viewError(
        "slice", .outOfRange, "range", expected: "indices in 0..<\(shape[d])",
        received: "\(range)")
    }
    var (shape, strides) = (shape, strides)
    // A step beyond the range takes one element, as the range's own length does, and can't overflow.
    let step = min(step, max(clamped.count, 1))
    shape[d] = (clamped.count + step - 1) / step
    strides[d] *= step
    var kept = quantizer
    if let quantizer, quantizer.axis == d {
      kept = quantizer.selecting(stride(from: clamped.lowerBound, to: clamped.upperBound, by: step))
    }
    return alias(
      offset: offset + clamped.lowerBound * self.strides[d], shape: shape, strides: strides,
      quantizer: kept)
  }

  /// Dimensions in another order.
  func aliasPermuted(_ order: [Int]) throws(OctetError) -> Tensor {
    try requireWholeBytes("permute")
    var axes: [Int] = []
    for dim in order { axes.append(try axis(dim, "permute")) }
    guard axes.count == rank, Set(axes).count == rank else {
      throw viewError(
        "permute", .invalidArgument, "dims", expected: "each of the \(rank) dims once",
        received: "\(order)")
    }
    let channel = quantizer?.axis.flatMap { axes.firstIndex(of: $0) }
    return alias(
      shape: axes.map { shape[$0] }, strides: axes.map { strides[$0] },
      quantizer: channel.map { quantizer?.moved(to: $0) } ?? quantizer)
  }

  /// Two dimensions swapped.
  func aliasTransposed(_ a: Int, _ b: Int) throws(OctetError) -> Tensor {
    let (x, y) = (try axis(a, "transpose"), try axis(b, "transpose"))
    var order = Array(shape.indices)
    order.swapAt(x, y)
    return try aliasPermuted(order)
  }

  /// Without the dimension `dim` of size 1.
  func aliasSqueezed(_ dim: Int) throws(OctetError) -> Tensor {
    let d = try axis(dim, "squeeze")
    return shape[d] == 1 ? try aliasSelect(dim: d, index: 0) : self
  }

  /// With a new dimension of size 1 in front of `dim`.
  func aliasUnsqueezed(_ dim: Int) throws(OctetError) -> Tensor {
    try requireWholeBytes("unsqueeze")
    guard let d = Shapes.normalize(axis: dim, rank: rank + 1) else {
      throw viewError(
        "unsqueeze", .outOfRange, "dim", expected: "a dim in \(-rank - 1)...\(rank)",
        received: "dim \(dim)")
    }
    var (shape, strides) = (shape, strides)
    strides.insert(d < rank ? shape[d] * strides[d] : 1, at: d)
    shape.insert(1, at: d)
    let channel = quantizer?.axis.map { $0 >= d ? $0 + 1 : $0 }
    return alias(
      shape: shape, strides: strides,
      quantizer: channel.map { quantizer?.moved(to: $0) } ?? quantizer)
  }
}

extension Quantizer {
  /// The same parameters on another axis.
  package func moved(to axis: Int) -> Quantizer {
    switch parameters {
    case .perTensor: self
    case .perChannel(let scales, let zeros, _):
      Quantizer(trusted: .perChannel(scales: scales, zeroPoints: zeros, axis: axis))
    case .perChannelFloat(let scales, let zeros, _):
      Quantizer(trusted: .perChannelFloat(scales: scales, zeroPoints: zeros, axis: axis))
    }
  }

  /// The parameters of some channels.
  package func selecting(_ indices: some Sequence<Int>) -> Quantizer {
    switch parameters {
    case .perTensor: return self
    case .perChannel(let scales, let zeros, let axis):
      let kept = Array(indices)
      return Quantizer(
        trusted: .perChannel(
          scales: kept.map { scales[$0] }, zeroPoints: kept.map { zeros[$0] }, axis: axis))
    case .perChannelFloat(let scales, let zeros, let axis):
      let kept = Array(indices)
      return Quantizer(
        trusted: .perChannelFloat(
          scales: kept.map { scales[$0] }, zeroPoints: kept.map { zeros[$0] }, axis: axis))
    }
  }
}

extension Array {
  fileprivate func removing(at index: Int) -> [Element] {
    var copy = self
    copy.remove(at: index)
    return copy
  }
}
