import COctet

/// Extremes and histograms of dense float32 tensors. The observe family of the C library.
package enum ObserveKernels {
  /// What NaN and infinities do to extremes.
  package enum NonFinitePolicy: Sendable {
    /// One NaN makes both extremes NaN; infinities are extremes.
    case propagate
    /// Extremes are those of the finite values.
    case ignore

    fileprivate var value: oct_nonfinite_policy {
      self == .propagate ? OCT_NONFINITE_PROPAGATE : OCT_NONFINITE_IGNORE
    }
  }

  /// The smallest and the largest value; +inf and -inf when there is none.
  package static func extremes(_ x: Tensor, _ policy: NonFinitePolicy) throws(OctetError)
    -> (min: Float, max: Float)
  {
    var found = oct_extremes()
    try Kernel.run(workspace: 0, "observe") { run in
      oct_observe_extremes(reals(x), x.count, policy.value, &found, nil, run)
    }
    return (found.min, found.max)
  }

  /// The smallest and the largest value for each index of `axis` of a contiguous tensor.
  package static func extremes(_ x: Tensor, axis: Int, _ policy: NonFinitePolicy)
    throws(OctetError) -> [(min: Float, max: Float)]
  {
    let shape = x.shape
    let channels = oct_channels(
      outer: shape[..<axis].reduce(1, *), channels: shape[axis],
      inner: shape[(axis + 1)...].reduce(1, *))
    var found = [oct_extremes](repeating: oct_extremes(), count: channels.channels)
    try found.withUnsafeMutableBufferPointer { found throws(OctetError) in
      try Kernel.run(workspace: 0, "observe") { run in
        oct_observe_channel_extremes(
          reals(x), channels, policy.value, found.baseAddress, nil, run)
      }
    }
    return found.map { ($0.min, $0.max) }
  }

  /// How many values each of `bins` equal bins over `low...high` holds, by torch.histc's rule.
  package static func histogram(_ x: Tensor, low: Float, high: Float, bins: Int)
    throws(OctetError) -> [UInt64]
  {
    var counts = [UInt64](repeating: 0, count: bins)
    var size = 0
    try Kernel.check(oct_observe_histogram_workspace(bins, 0, &size), "observe")
    try counts.withUnsafeMutableBufferPointer { counts throws(OctetError) in
      try Kernel.run(workspace: size, "observe") { run in
        oct_observe_histogram(reals(x), x.count, low, high, bins, counts.baseAddress, run)
      }
    }
    return counts
  }

  /// The number of bins of the fixed grid, of one of its sides, and of the finite ones among those.
  package static let gridBins = Int(OCT_GRID_BINS)
  package static let gridSide = Int(OCT_GRID_SIDE)
  package static let gridFiniteBins = Int(OCT_GRID_FINITE)

  /// The edge nearer to zero of a bin of the grid's side from zero upwards.
  package static func gridEdge(_ bin: Int) -> Float { oct_grid_edge(bin) }

  /// Adds to `counts`, `gridBins` of them, how many values each bin of the fixed grid holds.
  package static func countOnGrid(_ x: Tensor, into counts: inout [UInt64]) throws(OctetError) {
    precondition(counts.count == gridBins, "a count for each bin")
    var size = 0
    try Kernel.check(oct_observe_grid_workspace(0, &size), "observe")
    try counts.withUnsafeMutableBufferPointer { counts throws(OctetError) in
      try Kernel.run(workspace: size, "observe") { run in
        oct_observe_grid(reals(x), x.count, counts.baseAddress, run)
      }
    }
  }

  private static func reals(_ tensor: Tensor) -> UnsafePointer<Float> {
    UnsafePointer(tensor.baseAddress.assumingMemoryBound(to: Float.self))
  }
}
