/// How views are made whose strides say where each element is taken from.
extension Tensor {
  /// Sizes and strides of the caller's own.
  func aliasStrided(_ shape: [Int], strides: [Int], offset: Int?) throws(OctetError) -> Tensor {
    try requirePlainElements("as_strided")
    guard shape.count == strides.count, Shapes.elementCount(shape) != nil,
      strides.allSatisfy({ $0 >= 0 })
    else {
      throw OctetError(
        .invalidArgument, operation: "as_strided", argument: "stride",
        expected: "sizes and as many strides, none negative", received: "\(shape) and \(strides)")
    }
    let start = offset ?? self.offset
    let available = storage.byteCount / (dtype.bitWidth / 8)
    guard start >= 0, start <= available,
      let last = Self.lastElement(shape, strides, start), last < available
    else {
      throw OctetError(
        .outOfRange, operation: "as_strided", argument: "size",
        expected: "elements inside the storage of \(available) elements",
        received: "\(shape) with strides \(strides) from \(start)")
    }
    return Tensor(
      storage: storage, offset: start, shape: shape, strides: strides, dtype: dtype,
      quantizer: quantizer)
  }

  /// Dimensions of size 1 as larger ones.
  func aliasExpanded(_ sizes: [Int]) throws(OctetError) -> Tensor {
    try requirePlainElements("expand")
    let added = sizes.count - rank
    guard added >= 0 else {
      throw OctetError(
        .shapeMismatch, operation: "expand", argument: "sizes",
        expected: "at least \(rank) sizes for shape \(shape)", received: "\(sizes)")
    }
    var (target, steps) = (sizes, [Int](repeating: 0, count: sizes.count))
    for (d, size) in shape.enumerated() {
      let wanted = sizes[added + d]
      target[added + d] = wanted == -1 ? size : wanted
      steps[added + d] = size == 1 && target[added + d] != 1 ? 0 : strides[d]
      guard size == 1 || target[added + d] == size else {
        throw OctetError(
          .shapeMismatch, operation: "expand", argument: "sizes",
          expected: "sizes that agree with shape \(shape) where it isn't 1", received: "\(sizes)")
      }
    }
    guard Shapes.elementCount(target) != nil else {
      throw OctetError(
        .shapeMismatch, operation: "expand", argument: "sizes",
        expected: "non-negative sizes (-1 for existing dimensions)", received: "\(sizes)")
    }
    return Tensor(
      storage: storage, offset: offset, shape: target, strides: steps, dtype: dtype,
      quantizer: quantizer)
  }

  /// Refuses per-channel tensors and packed types, whose elements can't be placed one by one.
  package func requirePlainElements(_ operation: String) throws(OctetError) {
    if let axis = quantizer?.axis {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "self",
        expected: "a per-tensor scheme", received: "a per-channel one along axis \(axis)",
        fix: "dequantize first")
    }
    if dtype.bitWidth < 8 {
      throw OctetError(
        .dtypeMismatch, operation: operation, argument: "self",
        expected: "at least a byte per element", received: "dtype \(dtype.rawValue)",
        fix: "dequantize first")
    }
  }

  /// The largest place of an element, -1 when there is none, nil when it can't be counted.
  private static func lastElement(_ shape: [Int], _ strides: [Int], _ start: Int) -> Int? {
    if shape.contains(0) { return -1 }
    var last = start
    for (size, stride) in zip(shape, strides) {
      let (span, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(span)
      if overflow || carry { return nil }
      last = sum
    }
    return last
  }
}
