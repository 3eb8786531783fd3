/// Dimensions that become one number. torch.sum, prod, amax, amin, var, std, linalg.vector_norm and logsumexp.
///
/// Sums are taken in double and rounded once, so a float32 result is within a unit in the last place of the exact one.
struct Reduction: DifferentiableOperator {
  static let torchName = "reduction"
  static var widensHalf: Bool { true }

  enum Kind: Sendable, Equatable {
    case sum
    case product
    case maximum
    case minimum
    /// Divided by the count less `correction`.
    case variance(correction: Double)
    case standardDeviation(correction: Double)
    /// The p-norm; infinite orders give extremes, 0 counts what isn't 0.
    case norm(order: Double)
    case logSumExp
  }

  let kind: Kind
  /// The dimensions that go, as given; all of them when empty.
  let dims: [Int]
  let keepDims: Bool

  var name: String {
    switch kind {
    case .sum: "sum"
    case .product: "prod"
    case .maximum: "amax"
    case .minimum: "amin"
    case .variance: "var"
    case .standardDeviation: "std"
    case .norm: "norm"
    case .logSumExp: "logsumexp"
    }
  }

  private static let reals: [DType] = [.float32, .float64]
  private static let numbers =
    reals + [.bool, .uint8, .int8, .int16, .uint16, .int32, .int64]

  /// Integers and truth values are summed up and multiplied in int64.
  private var takesIntegers: Bool { kind == .sum || kind == .product }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(
      x, "input", dtypes: takesIntegers ? Self.numbers : Self.reals,
      fix: x.isQuantized ? "dequantize it first" : "convert it to float32")
    let gone = try reducedAxes(dims, rank: x.rank)
    if kind == .maximum || kind == .minimum, gone.contains(where: { x.shape[$0] == 0 }) {
      throw error(
        .shapeMismatch, "input", expected: "at least one element to choose from",
        received: "shape \(x.shape)")
    }
    if case .norm(let order) = kind, order.isNaN {
      throw error(.invalidArgument, "ord", expected: "a number", received: "NaN")
    }
    return TensorSpec(
      shape: Shapes.reduced(x.shape, gone, keepDims: keepDims),
      dtype: x.dtype.isFloatingPoint ? x.dtype : .int64)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try ReducedLanes(inputs[0], try reducedAxes(dims, rank: inputs[0].rank))
    switch inputs[0].dtype {
    case .float32: return try x.reduce(output, Float.self) { Float(value($0)) }
    case .float64: return try x.reduce(output, Double.self) { value($0) }
    default:
      let words = try ReducedLanes(x.tensor.converted(to: .int64), count: x.count)
      return try words.reduce(output, Int64.self) { lane in
        kind == .sum ? lane.reduce(0, &+) : lane.reduce(1, &*)
      }
    }
  }

  private func value<Real: RealScalar>(_ lane: UnsafeBufferPointer<Real>) -> Double {
    switch kind {
    case .sum: return Self.sum(lane)
    case .product: return lane.reduce(1) { $0 * Double($1) }
    // NaN spreads.
    case .maximum: return lane.reduce(-.infinity) { $1.isNaN || Double($1) > $0 ? Double($1) : $0 }
    case .minimum: return lane.reduce(.infinity) { $1.isNaN || Double($1) < $0 ? Double($1) : $0 }
    case .variance(let correction): return Self.variance(lane, correction)
    case .standardDeviation(let correction): return Self.variance(lane, correction).squareRoot()
    case .norm(let order): return Self.norm(lane, order)
    case .logSumExp: return Self.logSumExp(lane)
    }
  }

  private static func sum<Real: RealScalar>(_ lane: UnsafeBufferPointer<Real>) -> Double {
    var total = 0.0
    for x in lane { total += Double(x) }
    return total
  }

  private static func variance<Real: RealScalar>(
    _ lane: UnsafeBufferPointer<Real>, _ correction: Double
  ) -> Double {
    let mean = sum(lane) / Double(lane.count)
    var squares = 0.0
    for x in lane { squares += (Double(x) - mean) * (Double(x) - mean) }
    return squares / max(Double(lane.count) - correction, 0)
  }

  private static func norm<Real: RealScalar>(
    _ lane: UnsafeBufferPointer<Real>, _ order: Double
  ) -> Double {
    func extreme(_ start: Double, _ better: (Double, Double) -> Bool) -> Double {
      lane.reduce(start) { best, x in
        let size = abs(Double(x))
        return size.isNaN || better(size, best) ? size : best
      }
    }
    switch order {
    case .infinity: return extreme(0, >)
    case -.infinity: return extreme(.infinity, <)
    case 0: return lane.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
    case 1: return lane.reduce(0) { $0 + abs(Double($1)) }
    case 2: return lane.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    default:
      return Double.power(
        lane.reduce(0) { $0 + Double.power(abs(Double($1)), order) }, 1 / order)
    }
  }

  private static func logSumExp<Real: RealScalar>(_ lane: UnsafeBufferPointer<Real>) -> Double {
    let largest = lane.reduce(-.infinity) {
      $1.isNaN || Double($1) > $0 ? Double($1) : $0
    }
    if !largest.isFinite { return largest }
    return largest + Double.log(lane.reduce(0) { $0 + Double.exp(Double($1) - largest) })
  }
}

extension Operator {
  /// The axes that `dims` names, all when it is empty; each once.
  func reducedAxes(_ dims: [Int], rank: Int) throws(OctetError) -> Set<Int> {
    if dims.isEmpty { return Set(0..<rank) }
    var found: Set<Int> = []
    for dim in dims {
      guard let d = Shapes.normalize(axis: dim, rank: rank), found.insert(d).inserted else {
        throw error(
          .outOfRange, "dim", expected: "dims in \(-rank)..<\(rank), each once",
          received: "\(dims)")
      }
    }
    return found
  }
}

extension Shapes {
  /// A shape without some axes, or with size 1 in their place.
  static func reduced(_ shape: [Int], _ gone: Set<Int>, keepDims: Bool) -> [Int] {
    shape.indices.compactMap { gone.contains($0) ? (keepDims ? 1 : nil) : shape[$0] }
  }
}

/// A tensor with the dimensions that are reduced innermost: `count` elements to a result.
struct ReducedLanes {
  let tensor: Tensor
  let count: Int

  init(_ x: Tensor, _ gone: Set<Int>) throws(OctetError) {
    let kept = x.shape.indices.filter { !gone.contains($0) }
    let inner = x.shape.indices.filter { gone.contains($0) }
    // Innermost dimensions are where they have to be.
    let isInnermost = kept.isEmpty || inner.isEmpty || kept.count == inner[0]
    tensor = try (isInnermost ? x : x.aliasPermuted(kept + inner)).contiguous()
    count = inner.map { x.shape[$0] }.reduce(1, *)
  }

  init(_ tensor: Tensor, count: Int) throws(OctetError) {
    (self.tensor, self.count) = (try tensor.contiguous(), count)
  }

  /// A result for each lane.
  func reduce<Scalar: TensorScalar>(
    _ output: TensorSpec, _ type: Scalar.Type, _ body: (UnsafeBufferPointer<Scalar>) -> Scalar
  ) throws(OctetError) -> Tensor {
    let result = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer)
    tensor.withElements(type) { x in
      result.withMutableElements(type) { y in
        for row in y.indices {
          y[row] = body(UnsafeBufferPointer(rebasing: x[(row * count)..<((row + 1) * count)]))
        }
      }
    }
    return result
  }
}
