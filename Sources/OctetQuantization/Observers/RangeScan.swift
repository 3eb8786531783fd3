import OctetTensor

/// The smallest and the largest of some values; NaN in both once a NaN was among them.
struct Extremes: Equatable {
  var min: Float = .infinity
  var max: Float = -.infinity

  /// True when both are.
  var isFinite: Bool { min.isFinite && max.isFinite }

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
  /// Extremes of all elements, by default NaN as soon as one is; those of nothing for an empty tensor.
  static func extremes(of tensor: Tensor, _ policy: ObserveKernels.NonFinitePolicy = .propagate)
    throws(OctetError) -> Extremes
  {
    let found = try ObserveKernels.extremes(tensor.contiguous(tensor.preferredFormat), policy)
    return Extremes(min: found.min, max: found.max)
  }

  /// Extremes for each index of `axis`.
  static func extremes(
    of tensor: Tensor, axis: Int, _ policy: ObserveKernels.NonFinitePolicy = .propagate
  ) throws(OctetError) -> [Extremes] {
    try ObserveKernels.extremes(tensor.contiguous(), axis: axis, policy).map {
      Extremes(min: $0.min, max: $0.max)
    }
  }
}
