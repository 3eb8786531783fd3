/// Where the elements along a dimension come from when they are put in order; equal ones keep theirs. torch.argsort with
/// `stable=True`, the first `count` of each lane.
struct ArgSort: Operator {
  static let torchName = "argsort"
  static let onnxName: String? = "TopK"

  let dim: Int
  let descending: Bool
  /// How many of each lane; all of them when nil.
  var count: Int?

  var name: String { count == nil ? "sort" : "topk" }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try requireOrdered(x)
    let d = try axis(dim, x)
    var shape = x.shape
    if let count {
      guard (0...shape[d]).contains(count) else {
        throw error(
          .outOfRange, "k", expected: "k in 0...\(shape[d]), the size of dim \(d)",
          received: "k \(count)")
      }
      shape[d] = count
    }
    return TensorSpec(shape: shape, dtype: .int64)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let d = try axis(dim, inputs[0].spec)
    let keys = try OrderKeys(inputs[0], dim: d)
    return try keys.places(inputs[0].shape, dim: d, length: output.shape[d]) { lane in
      let start = lane.startIndex
      // The index decides between equal elements, so that any sort is a stable one.
      let order = (0..<lane.count).sorted { a, b in
        let (x, y) = (lane[start + a], lane[start + b])
        if x != y { return descending ? x > y : x < y }
        return a < b
      }
      return Array(order.prefix(output.shape[d]))
    }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }
}

extension Functional {
  /// The elements along `dim` in order, and where each came from, int64. Equal elements keep their order; NaN is larger than
  /// every number. On integers, keeping the quantizer. torch.sort with `stable=True`.
  ///
  /// - Parameter input: any plain dtype, or quint8, qint8 and qint32 with a per-tensor quantizer.
  public static func sort(_ input: Tensor, dim: Int = -1, descending: Bool = false)
    throws(OctetError) -> (values: Tensor, indices: Tensor)
  {
    if input.rank == 0 { return (input, Tensor(scalar: Int64(0))) }
    let indices = try argsort(input, dim: dim, descending: descending)
    return (try gather(input, dim: dim, index: indices), indices)
  }

  /// Where the elements come from when `dim` is put in order, int64. torch.argsort with `stable=True`.
  public static func argsort(_ input: Tensor, dim: Int = -1, descending: Bool = false)
    throws(OctetError) -> Tensor
  {
    try apply(ArgSort(dim: dim, descending: descending), [input])
  }

  /// The `k` largest (or smallest) elements along `dim` in order, and where each came from, int64; of equal ones the first.
  /// On integers, keeping the quantizer. torch.topk.
  ///
  /// - Parameter input: any plain dtype, or quint8, qint8 and qint32 with a per-tensor quantizer.
  public static func topK(_ input: Tensor, k: Int, dim: Int = -1, largest: Bool = true)
    throws(OctetError) -> (values: Tensor, indices: Tensor)
  {
    let indices = try apply(ArgSort(dim: dim, descending: largest, count: k), [input])
    return (try gather(input, dim: dim, index: indices), indices)
  }
}
