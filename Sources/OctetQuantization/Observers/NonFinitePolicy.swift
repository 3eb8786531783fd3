import OctetTensor

/// What observers of ranges do with NaN and infinities. They are counted in `nonFinite` either way.
public enum NonFinitePolicy: String, Sendable {
  /// They become extremes, as in torch: calculating parameters then says which value of which batch it was.
  case propagate
  /// They are left out: ranges are those of the finite values.
  case ignore
}

extension ObserverFactory {
  /// The same observers under another policy for NaN and infinities; observers that don't follow ranges stay as they are.
  public func handlingNonFinite(_ policy: NonFinitePolicy) -> ObserverFactory {
    ObserverFactory("\(name).handling_nonfinite(\(policy.rawValue))") {
      let made = self()
      (made as? RangeObserver)?.nonFinitePolicy = policy
      ((made as? FakeQuantize)?.observer as? RangeObserver)?.nonFinitePolicy = policy
      return made
    }
  }
}

extension RangeObserver {
  /// The extremes of a batch by the observer's policy; nil when it leaves nothing. Counts what isn't finite.
  func rangeOfBatch(_ values: Tensor) throws(OctetError) -> Extremes? {
    let found = try RangeScan.extremes(of: values)
    try note(values, [found])
    if nonFinitePolicy == .propagate || found.isFinite { return found }
    let kept = try RangeScan.extremes(of: values, .ignore)
    return kept == Extremes() ? nil : kept
  }

  /// The same for each index of `axis`; channels of which nothing is left have the extremes of nothing.
  func rangesOfBatch(_ values: Tensor, axis: Int) throws(OctetError) -> [Extremes] {
    let found = try RangeScan.extremes(of: values, axis: axis)
    try note(values, found)
    if nonFinitePolicy == .propagate || found.allSatisfy(\.isFinite) { return found }
    return try RangeScan.extremes(of: values, axis: axis, .ignore)
  }
}
