import OctetTensor

/// The smallest and the largest of some values; NaN in both once a NaN was among them.
struct Extremes: Equatable {
  var min: Float = .infinity
  var max: Float = -.infinity

  /// Takes in another part's extremes. The order of parts doesn't matter, not even for the sign of zero.
  mutating func merge(_ other: Extremes) {
    if min.isNaN || other.min.isNaN {
      self = Extremes(min: .nan, max: .nan)
    } else {
      // Adding zero turns -0 into 0 and changes nothing else.
      min = Swift.min(min, other.min) + 0
      max = Swift.max(max, other.max) + 0
    }
  }
}

/// Values that were NaN or infinite among those that an observer has seen.
public struct NonFiniteValues: Sendable, Equatable {
  /// How many.
  public internal(set) var count = 0
  /// The first one.
  public internal(set) var first: Float?
  /// The batch that held it, counted from 0.
  public internal(set) var batch = 0
  /// Its place in that batch, in logical order.
  public internal(set) var index = 0

  /// None yet.
  public init() {}

  /// Counts the values of one more batch; `elements` are in logical order.
  mutating func add(_ elements: UnsafeBufferPointer<Float>, batch: Int) {
    for (i, value) in elements.enumerated() where !value.isFinite {
      if first == nil { (first, self.batch, index) = (value, batch, i) }
      count += 1
    }
  }

  /// What to tell about them.
  var words: String {
    "\(count) non-finite values, the first (\(first ?? 0)) at element \(index) of batch \(batch)"
  }
}

/// Finds extremes of float32 tensors in one pass, at memory speed, on all threads for big tensors. The result doesn't depend
/// on how the work is split.
enum RangeScan {
  /// Elements that one thread takes at a time: small enough to share evenly, big enough to be worth a thread.
  private static let grain = 1 << 16

  /// Extremes of all elements; those of nothing for an empty tensor.
  static func extremes(of tensor: Tensor) throws(OctetError) -> Extremes {
    let dense = try tensor.contiguous(tensor.preferredFormat)
    return dense.withElements(Float.self) { elements in
      guard let start = elements.baseAddress else { return Extremes() }
      return extremes(start, elements.count)
    }
  }

  /// Extremes for each index of `axis`.
  static func extremes(of tensor: Tensor, axis: Int) throws(OctetError) -> [Extremes] {
    let shape = tensor.shape
    let channels = shape[axis]
    let outer = shape[..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    let dense = try tensor.contiguous()
    return dense.withElements(Float.self) { elements in
      guard let start = elements.baseAddress, elements.count > 0 else {
        return [Extremes](repeating: Extremes(), count: channels)
      }
      return inner >= 16
        ? runs(start, outer: outer, channels: channels, inner: inner)
        : columns(start, rows: outer, channels: channels, inner: inner)
    }
  }

  /// Channels that are runs of memory, long enough for vectors: threads share the channels.
  private static func runs(
    _ start: UnsafePointer<Float>, outer: Int, channels: Int, inner: Int
  ) -> [Extremes] {
    var result = [Extremes](repeating: Extremes(), count: channels)
    result.withUnsafeMutableBufferPointer { slots in
      let job = ChannelJob(
        start: start, slots: slots, outer: outer, channels: channels, inner: inner)
      if outer * channels * inner <= grain {
        job.scan(0..<channels)
      } else {
        parallelFor(channels, grain: max(1, grain / (outer * inner))) { job.scan($0) }
      }
    }
    return result
  }

  /// Channels that lie side by side: vectors go across them, threads share the rows.
  private static func columns(
    _ start: UnsafePointer<Float>, rows: Int, channels: Int, inner: Int
  ) -> [Extremes] {
    let length = channels * inner
    let parts = max(1, min(rows, rows * length / grain, Kernels.maxThreads))
    var found = [Extremes](repeating: Extremes(), count: parts * length)
    found.withUnsafeMutableBufferPointer { slots in
      let job = ColumnJob(start: start, slots: slots, rows: rows, length: length, parts: parts)
      if parts == 1 { job.scan(0..<1) } else { parallelFor(parts, grain: 1) { job.scan($0) } }
    }
    return (0..<channels).map { channel in
      (0..<parts).reduce(into: Extremes()) { result, part in
        for i in 0..<inner { result.merge(found[part * length + channel * inner + i]) }
      }
    }
  }

  /// Extremes of the finite values among `elements`.
  static func finiteExtremes(_ elements: UnsafeBufferPointer<Float>) -> Extremes {
    elements.reduce(into: Extremes()) { result, value in
      if value.isFinite { result.merge(Extremes(min: value, max: value)) }
    }
  }

  private static func extremes(_ start: UnsafePointer<Float>, _ count: Int) -> Extremes {
    if count <= 2 * grain { return scan(start, count) }
    let parts = (count + grain - 1) / grain
    var found = [Extremes](repeating: Extremes(), count: parts)
    found.withUnsafeMutableBufferPointer { slots in
      let job = PartJob(start: start, slots: slots, count: count, grain: grain)
      parallelFor(parts, grain: 1) { job.scan($0) }
    }
    return found.reduce(into: Extremes()) { $0.merge($1) }
  }

  /// One thread's pass. Comparisons leave NaN out of the extremes; a mask remembers that there was one.
  fileprivate static func scan(_ start: UnsafePointer<Float>, _ count: Int) -> Extremes {
    typealias Lanes = SIMD16<Float>
    let bytes = UnsafeRawPointer(start)
    var low = Lanes(repeating: .infinity)
    var high = Lanes(repeating: -.infinity)
    var odd = SIMDMask<SIMD16<Int32>>(repeating: false)
    var i = 0
    while i + 16 <= count {
      let value = bytes.loadUnaligned(fromByteOffset: i * 4, as: Lanes.self)
      low.replace(with: value, where: value .< low)
      high.replace(with: value, where: value .> high)
      odd = odd .| (value .!= value)
      i += 16
    }
    var result = Extremes()
    var hasNaN = odd != SIMDMask<SIMD16<Int32>>(repeating: false)
    for lane in 0..<16 {
      if low[lane] < result.min { result.min = low[lane] }
      if high[lane] > result.max { result.max = high[lane] }
    }
    while i < count {
      let value = start[i]
      if value < result.min { result.min = value }
      if value > result.max { result.max = value }
      hasNaN = hasNaN || value.isNaN
      i += 1
    }
    if hasNaN { return Extremes(min: .nan, max: .nan) }
    return Extremes(min: result.min + 0, max: result.max + 0)
  }
}

/// Parts of one run of elements. Each part writes its own slot only.
private struct PartJob: @unchecked Sendable {
  let start: UnsafePointer<Float>
  let slots: UnsafeMutableBufferPointer<Extremes>
  let count: Int
  let grain: Int

  func scan(_ parts: Range<Int>) {
    for part in parts {
      let begin = part * grain
      slots[part] = RangeScan.scan(start + begin, min(grain, count - begin))
    }
  }
}

/// Channels of a contiguous tensor `[outer, channels, inner]`. Each channel is scanned by one thread.
private struct ChannelJob: @unchecked Sendable {
  let start: UnsafePointer<Float>
  let slots: UnsafeMutableBufferPointer<Extremes>
  let outer: Int
  let channels: Int
  let inner: Int

  func scan(_ range: Range<Int>) {
    for o in 0..<outer {
      let row = start + o * channels * inner
      for c in range { slots[c].merge(RangeScan.scan(row + c * inner, inner)) }
    }
  }
}

/// Columns of a matrix `[rows, length]`. Each part of the rows has slots of its own.
private struct ColumnJob: @unchecked Sendable {
  let start: UnsafePointer<Float>
  let slots: UnsafeMutableBufferPointer<Extremes>
  let rows: Int
  let length: Int
  let parts: Int

  func scan(_ range: Range<Int>) {
    for part in range {
      let own = rows * part / parts..<rows * (part + 1) / parts
      let wide = length / 16 * 16
      for column in stride(from: 0, to: wide, by: 16) {
        scanVector(own, column, part * length + column)
      }
      for column in wide..<length {
        for row in own {
          let value = start[row * length + column]
          slots[part * length + column].merge(Extremes(min: value, max: value))
        }
      }
    }
  }

  private func scanVector(_ own: Range<Int>, _ column: Int, _ slot: Int) {
    typealias Lanes = SIMD16<Float>
    let bytes = UnsafeRawPointer(start + column)
    var low = Lanes(repeating: .infinity)
    var high = Lanes(repeating: -.infinity)
    var odd = SIMDMask<SIMD16<Int32>>(repeating: false)
    for row in own {
      let value = bytes.loadUnaligned(fromByteOffset: row * length * 4, as: Lanes.self)
      low.replace(with: value, where: value .< low)
      high.replace(with: value, where: value .> high)
      odd = odd .| (value .!= value)
    }
    for lane in 0..<16 {
      slots[slot + lane] =
        odd[lane]
        ? Extremes(min: .nan, max: .nan) : Extremes(min: low[lane] + 0, max: high[lane] + 0)
    }
  }
}
