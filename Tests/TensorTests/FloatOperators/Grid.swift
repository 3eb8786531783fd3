import OctetTensor
import OctetTestSupport

/// An n-dimensional array of doubles for plain reference loops.
struct Grid {
  let shape: [Int]
  private(set) var values: [Double]

  init(_ shape: [Int], _ values: [Double]) { (self.shape, self.values) = (shape, values) }

  /// A value for each index, in logical order.
  init(_ shape: [Int], _ value: ([Int]) -> Double) {
    self.init(shape, Grid.indices(shape).map(value))
  }

  subscript(_ index: [Int]) -> Double {
    get { values[place(index)] }
    set { values[place(index)] = newValue }
  }

  private func place(_ index: [Int]) -> Int {
    zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// Every index of a shape, in logical order.
  static func indices(_ shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { prefixes, size in
      prefixes.flatMap { prefix in (0..<size).map { prefix + [$0] } }
    }
  }

  /// The value under an index of a shape that this one broadcasts to.
  func broadcast(_ index: [Int]) -> Double {
    self[zip(index.suffix(shape.count), shape).map { $1 == 1 ? 0 : $0 }]
  }

  /// The lanes along `axes`: for each index of the others (with 0 along `axes`), the values.
  func lanes(_ axes: Set<Int>) -> [(index: [Int], values: [Double])] {
    let kept = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    let along = shape.indices.map { axes.contains($0) ? shape[$0] : 1 }
    return Grid.indices(kept).map { base in
      (base, Grid.indices(along).map { self[zip(base, $0).map(+)] })
    }
  }

  func map(_ function: (Double) -> Double) -> Grid { Grid(shape, values.map(function)) }
}

extension TestRandom {
  /// A shape of `rank` dimensions, now and then with one of size 0 or 1.
  func shape(_ rank: Int, in sizes: ClosedRange<Int> = 1...4, allowsEmpty: Bool = true) -> [Int] {
    (0..<rank).map { _ in allowsEmpty && int(0...15) == 0 ? 0 : int(sizes) }
  }

  /// float32 values as doubles.
  func grid(_ shape: [Int], in range: ClosedRange<Double> = -2...2) -> Grid {
    Grid(shape, floats(shape.reduce(1, *), in: range).map { Double($0) })
  }

  /// float32 values as doubles, now and then the same ones all along a dimension.
  func operand(_ shape: [Int], times scale: Double = 1) -> Grid {
    let values = grid(shape).map { $0 * scale }
    guard !shape.isEmpty, int(0...5) == 0 else { return values }
    let dim = int(0...(shape.count - 1))
    return Grid(shape) { index in
      var first = index
      first[dim] = 0
      return values[first]
    }
  }

  /// Mostly 1, else a power of two far away: products of two stay finite, or fall below the normal numbers.
  func magnitude() -> Double { pick([1, 1, 1, 1, 1, 0x1p40, 0x1p-40, 0x1p-70]) }
}

extension Tensor {
  /// A tensor of the grid's values: dense, or seen through permuted strides.
  static func of(_ grid: Grid, dtype: DType = .float32, order: [Int]? = nil) throws -> Tensor {
    let dense = try Tensor(grid.values, shape: grid.shape).converted(to: dtype)
    guard let order else { return dense }
    var inverse = order
    for (to, from) in order.enumerated() { inverse[from] = to }
    return try dense.permuted(order).clone(.contiguous).permuted(inverse)
  }

  /// A tensor of every second element of its memory, with NaN in between and before.
  static func strided(_ grid: Grid, dtype: DType) throws -> Tensor {
    guard let last = grid.shape.last else { return try of(grid, dtype: dtype) }
    let wide = Grid(grid.shape.dropLast() + [2 * last + 1]) { index in
      let place = index[index.count - 1]
      return place % 2 == 0 ? .nan : grid[index.dropLast() + [place / 2]]
    }
    return try of(wide, dtype: dtype).slice(dim: -1, 1..<(2 * last + 1), step: 2)
  }

  /// A tensor with stride 0 along the dimensions where the grid repeats itself.
  static func expanding(_ grid: Grid, dtype: DType) throws -> Tensor {
    let repeats = grid.shape.indices.filter { d in
      grid.shape[d] > 1
        && grid.lanes([d]).allSatisfy { lane in lane.values.allSatisfy { $0 == lane.values[0] } }
    }
    let kept = grid.shape.indices.map { repeats.contains($0) ? 1 : grid.shape[$0] }
    return try of(Grid(kept) { grid[$0] }, dtype: dtype).expanded(grid.shape)
  }
}
