/// Printing: values, shape, type and quantizer.
extension Tensor: CustomStringConvertible {
  /// The real values (at most some at each end of a dimension), then shape, dtype and, when quantized, the parameters.
  public var description: String {
    var parts = ["shape: \(shape)", "dtype: \(dtype.rawValue)"]
    if let quantizer { parts.append(quantizer.description) }
    guard !isPlaceholder else { return "Tensor(placeholder of a failed call)" }
    let values = (try? descriptionValues()) ?? "..."
    return "Tensor(\(values), \(parts.joined(separator: ", ")))"
  }

  /// Entries shown at each end of a dimension that is longer than twice as many.
  private static let shown = 3

  private func descriptionValues() throws(OctetError) -> String {
    let real = isQuantized ? try dequantized() : self
    return try real.nested()
  }

  private func nested() throws(OctetError) -> String {
    if rank == 0 { return try entry() }
    let size = shape[0]
    var indices = Array(0..<size)
    if size > 2 * Self.shown {
      indices = Array(0..<Self.shown) + Array((size - Self.shown)..<size)
    }
    var entries: [String] = []
    for index in indices {
      if size > 2 * Self.shown, index == size - Self.shown { entries.append("...") }
      entries.append(try select(dim: 0, index: index).nested())
    }
    return "[\(entries.joined(separator: ", "))]"
  }

  private func entry() throws(OctetError) -> String {
    let value = try item()
    if dtype == .bool { return value == 0 ? "false" : "true" }
    return dtype.isFloatingPoint ? "\(Float(value))" : "\(Int(value))"
  }
}

extension Quantizer: CustomStringConvertible {
  /// The scheme's parameters in a line.
  public var description: String {
    switch parameters {
    case .perTensor(let scale, let zeroPoint): "scale: \(scale), zeroPoint: \(zeroPoint)"
    case .perChannel(let scales, let zeroPoints, let axis):
      "scales: \(scales), zeroPoints: \(zeroPoints), axis: \(axis)"
    case .perChannelFloat(let scales, let zeroPoints, let axis):
      "scales: \(scales), zeroPoints: \(zeroPoints), axis: \(axis)"
    }
  }
}
