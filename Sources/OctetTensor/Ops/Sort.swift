extension Functional {
  /// The elements along `dim` in order, and where each came from, int64. Equal elements keep their order; NaN is larger than
  /// every number. On integers, keeping the quantizer. torch.sort with `stable=True`.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32, per tensor.
  public static func sort(_ input: Tensor, dim: Int = -1, descending: Bool = false)
    throws(OctetError) -> (values: Tensor, indices: Tensor)
  {
    if input.rank == 0 { return (input, Tensor(scalar: Int64(0))) }
    let d = try axis(dim, of: input, "sort")
    return try ordered(input, dim: d, count: input.shape[d], "sort", descending: descending)
  }

  /// The `k` largest (or smallest) elements along `dim` in order, and where each came from, int64; of equal ones the first.
  /// On integers, keeping the quantizer. torch.topk.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32, per tensor.
  public static func topK(_ input: Tensor, k: Int, dim: Int = -1, largest: Bool = true)
    throws(OctetError) -> (values: Tensor, indices: Tensor)
  {
    let d = try axis(dim, of: input, "topk")
    guard (0...input.shape[d]).contains(k) else {
      throw OctetError(
        .outOfRange, operation: "topk", argument: "k",
        expected: "k in 0...\(input.shape[d]), the size of dim \(d)", received: "k \(k)")
    }
    return try ordered(input, dim: d, count: k, "topk", descending: largest)
  }

  private static func ordered(
    _ input: Tensor, dim: Int, count: Int, _ name: String, descending: Bool
  ) throws(OctetError) -> (values: Tensor, indices: Tensor) {
    try input.requirePlainElements(name)
    var shape = input.shape
    shape[dim] = count
    func order<Scalar: TensorScalar>(
      _ type: Scalar.Type, _ less: @escaping (Scalar, Scalar) -> Bool
    ) throws(OctetError) -> (values: Tensor, indices: Tensor) {
      let lanes = try Lanes<Scalar>(input, dim: dim)
      return try LaneResults(lanes, length: count) { lane in
        // The index decides between equal elements, so that any sort is a stable one.
        let places = lane.indices.sorted { a, b in
          if descending ? less(lane[b], lane[a]) : less(lane[a], lane[b]) { return true }
          if descending ? less(lane[a], lane[b]) : less(lane[b], lane[a]) { return false }
          return a < b
        }
        return Array(places.prefix(count))
      }.tensors(shape, like: input)
    }
    switch input.dtype {
    case .float32: return try order(Float.self) { $1.isNaN ? !$0.isNaN : $0 < $1 }
    case .quint8: return try order(UInt8.self, <)
    case .qint8: return try order(Int8.self, <)
    case .qint32: return try order(Int32.self, <)
    default: throw unordered(input, name)
    }
  }
}
