extension Tensor {
  /// Copies of some slices of the first dimension of a contiguous tensor, in the order given; each index has been checked.
  package func gatheringRows(_ rows: ArraySlice<Int>) throws(OctetError) -> Tensor {
    let result = try Tensor(
      uninitialized: [rows.count] + shape.dropFirst(), dtype: dtype, quantizer: quantizer)
    let bytes = shape.dropFirst().reduce(1, *) * dtype.bitWidth / 8
    for (place, row) in rows.enumerated() {
      result.baseAddress.advanced(by: place * bytes)
        .copyMemory(from: baseAddress + row * bytes, byteCount: bytes)
    }
    return result
  }
}
