/// A tensor seen along one dimension: `outer * inner` lanes of `size` elements each, `inner` apart in memory.
struct Lanes<Scalar: TensorScalar> {
  let size: Int
  let inner: Int
  let outer: Int
  private let elements: [Scalar]

  /// The lanes of a tensor along `dim`, which has been checked.
  init(_ tensor: Tensor, dim: Int) throws(OctetError) {
    size = tensor.shape[dim]
    outer = tensor.shape[..<dim].reduce(1, *)
    inner = tensor.shape[(dim + 1)...].reduce(1, *)
    elements = try tensor.elements()
  }

  /// One lane.
  subscript(outer o: Int, inner i: Int) -> [Scalar] {
    let start = o * size * inner + i
    return (0..<size).map { elements[start + $0 * inner] }
  }
}

/// What lanes give back: `length` elements each, put where a dimension of that size has them, with their indices.
struct LaneResults<Scalar: TensorScalar> {
  private(set) var values: [Scalar]
  private(set) var indices: [Int64]

  /// Results of `choose`, which gives the places of the lane's elements that it keeps, `length` of them.
  init(_ lanes: Lanes<Scalar>, length: Int, choose: ([Scalar]) -> [Int]) {
    let count = lanes.outer * length * lanes.inner
    guard let filler = lanes.size > 0 && count > 0 ? lanes[outer: 0, inner: 0].first : nil else {
      (values, indices) = ([], [])
      return
    }
    values = [Scalar](repeating: filler, count: count)
    indices = [Int64](repeating: 0, count: count)
    for o in 0..<lanes.outer {
      for i in 0..<lanes.inner {
        let lane = lanes[outer: o, inner: i]
        for (place, chosen) in choose(lane).enumerated() {
          let target = (o * length + place) * lanes.inner + i
          values[target] = lane[chosen]
          indices[target] = Int64(chosen)
        }
      }
    }
  }

  /// The results as tensors of `shape`; the values take `like`'s type and quantizer.
  func tensors(_ shape: [Int], like tensor: Tensor) throws(OctetError) -> (
    values: Tensor, indices: Tensor
  ) {
    let places = try Tensor(indices, shape: shape)
    guard let quantizer = tensor.quantizer else {
      return (try Tensor(values, shape: shape), places)
    }
    return (
      try Tensor(integers: values, shape: shape, dtype: tensor.dtype, quantizer: quantizer), places
    )
  }
}
