/// Verbs that change a tensor in place. torch's names end in an underscore.
extension Tensor {
  /// Takes over the elements of `source`, which has the same shape. torch's `copy_`.
  ///
  /// Real elements are quantized with this tensor's quantizer; from a quantized tensor of the same type and scheme the
  /// integers and the quantizer come along; plain types are converted. Real tensors don't take quantized ones.
  public func copy(from source: Tensor) throws(OctetError) {
    guard shape == source.shape else {
      throw OctetError(
        .shapeMismatch, operation: "copy_", argument: "src", expected: "shape \(shape)",
        received: "shape \(source.shape)")
    }
    try requireUnrecorded("copy_", [self, source])
    storage.markChanged()
    switch (quantizer, source.quantizer) {
    case (nil, nil): try copyElements(from: source.converted(to: dtype))
    case (let quantizer?, nil):
      try copyElements(from: Functional.quantize(source, quantizer, dtype: dtype))
    case (nil, _?):
      throw OctetError(
        .quantizationMismatch, operation: "copy_", argument: "src", expected: "a plain tensor",
        received: "dtype \(source.dtype.rawValue)", fix: "dequantize it first")
    case (let mine?, let other?):
      guard dtype == source.dtype, mine.scheme == other.scheme, mine.axis == other.axis else {
        throw OctetError(
          .dtypeMismatch, operation: "copy_", argument: "src",
          expected: "dtype \(dtype.rawValue) and scheme \(mine.scheme.rawValue)",
          received: "dtype \(source.dtype.rawValue) and scheme \(other.scheme.rawValue)",
          fix: "dequantize it first")
      }
      try copyElements(from: source)
      adopt(quantizer: other)
    }
  }

  /// Sees the first elements of the storage under another shape; what a larger shape adds is zero. torch's `resize_`.
  ///
  /// - Throws: `invalidQuantizer` for per-channel tensors, `shapeMismatch` for sizes that are negative or too large.
  public func resize(_ sizes: [Int]) throws(OctetError) {
    try requireUnrecorded("resize_", [self])
    try requirePlainElements("resize_")
    let width = dtype.bitWidth / 8
    guard let count = Shapes.elementCount(sizes), let bytes = dtype.byteCount(count) else {
      throw OctetError(
        .shapeMismatch, operation: "resize_", argument: "sizes",
        expected: "non-negative sizes whose product can be addressed", received: "\(sizes)")
    }
    let available = storage.byteCount - offset * width
    if bytes <= available {
      let strides = Shapes.contiguousStrides(sizes)
      adopt(
        Tensor(
          storage: storage, offset: offset, shape: sizes, strides: strides, dtype: dtype,
          quantizer: quantizer))
      return
    }
    let larger = try Tensor(
      uninitialized: sizes, dtype: dtype, quantizer: quantizer, operation: "resize_")
    larger.storage.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    larger.storage.bytes.copyMemory(from: storage.bytes + offset * width, byteCount: available)
    adopt(larger)
  }

  /// Refuses in-place verbs on tensors of the tape while it records: the tape doesn't know them.
  func requireUnrecorded(_ operation: String, _ tensors: [Tensor]) throws(OctetError) {
    for tensor in tensors { try tensor.checkRecordedAccess(operation) }
    guard tensors.contains(where: { $0.gradientNode != nil }),
      ExecutionMode.current.recordsGradients
    else { return }
    throw OctetError(
      .invalidArgument, operation: operation, argument: "self",
      expected: "tensors that gradients don't reach, or noGrad",
      received: "an in-place change of a tensor on the tape",
      fix: "wrap it in noGrad, or compute a new tensor")
  }
}
