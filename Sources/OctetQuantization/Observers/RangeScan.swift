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
    var result = [Extremes](repeating: Extremes(), count: channels)
    dense.withElements(Float.self) { elements in
      guard let start = elements.baseAddress, elements.count > 0 else { return }
      result.withUnsafeMutableBufferPointer { slots in
        let job = ChannelJob(
          start: start, slots: slots, outer: outer, channels: channels, inner: inner)
        let perChannel = outer * inner
        let channelGrain = max(1, grain / max(perChannel, 1))
        if elements.count <= grain {
          job.scan(0..<channels)
        } else {
          parallelFor(channels, grain: channelGrain) { job.scan($0) }
        }
      }
    }
    return result
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
      if inner >= 16 {
        for c in range { slots[c].merge(RangeScan.scan(row + c * inner, inner)) }
      } else {
        for c in range {
          for i in 0..<inner { take(row[c * inner + i], c) }
        }
      }
    }
  }

  @inline(__always)
  private func take(_ value: Float, _ channel: Int) {
    // Once NaN, both stay NaN: no comparison with NaN holds.
    if value < slots[channel].min { slots[channel].min = value + 0 }
    if value > slots[channel].max { slots[channel].max = value + 0 }
    if value.isNaN { slots[channel] = Extremes(min: .nan, max: .nan) }
  }
}
