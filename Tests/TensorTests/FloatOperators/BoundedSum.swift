import OctetTensor

/// A sum of products that knows how far float32 may lie from it.
///
/// A product is rounded once, and in whatever order n of them are added no term passes through more than n further roundings. With the
/// half-unit `u = 2^-24` the result is `Σ a b (1 + θ)` with `|θ| ≤ γ_(n+1)`, `γ_n = n u / (1 - n u)`, hence
/// `|error| ≤ γ_(n+1) Σ |a b|` (Higham, Accuracy and Stability of Numerical Algorithms, §3.1). Below the normal numbers a product loses up to
/// 2^-150 as well; sums there are exact.
struct BoundedSum {
  private(set) var value = 0.0
  private(set) var magnitude = 0.0
  private(set) var count = 0

  mutating func add(_ a: Double, _ b: Double = 1) {
    value += a * b
    magnitude += abs(a * b)
    count += 1
  }

  /// `γ_n`.
  static func gamma(_ n: Int) -> Double {
    let units = Double(n) * 0x1p-24
    return units / (1 - units)
  }

  /// The bound, with `more` roundings of the whole.
  func bound(more: Int = 0) -> Double {
    Self.gamma(count + 1 + more) * magnitude + Double(count + more) * 0x1p-150
  }

  var result: (value: Double, bound: Double) { (value, bound()) }
}

/// Expected values, each with its bound.
struct BoundedGrid {
  let values: Grid
  let bounds: Grid

  init(_ shape: [Int], _ element: ([Int]) -> (value: Double, bound: Double)) {
    let elements = Grid.indices(shape).map(element)
    values = Grid(shape, elements.map(\.value))
    bounds = Grid(shape, elements.map(\.bound))
  }
}

extension FloatCase.Draw {
  /// A draw whose expected values, bounds and derivatives all come from one double-precision loop.
  init(
    inputs: [Grid], isSmooth: Bool = true, reference: @escaping ([Grid]) -> BoundedGrid,
    run: @escaping ([Tensor]) throws -> Tensor
  ) {
    let expected = reference(inputs)
    self.init(
      inputs: inputs, run: run, expected: expected.values, bound: { _ in .infinity },
      isSmooth: isSmooth, bounds: expected.bounds, reference: { reference($0).values })
  }
}
