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
}
