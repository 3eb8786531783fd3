import OctetTensor

/// The uniform distribution that torch starts weights with: bounds `±1 / sqrt(fanIn)`.
func uniformWeights(_ shape: [Int], fanIn: Int, _ operation: String) -> Tensor {
  uniformWeights(shape, bound: fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0, operation)
}

/// The uniform distribution between `-bound` and `bound`.
func uniformWeights(_ shape: [Int], bound: Double, _ operation: String) -> Tensor {
  let count = Shapes.elementCount(shape) ?? 0
  let values = RandomSource.shared.uniform(count: count, in: -bound...bound)
  return eager { try Tensor(values, shape: shape) }
}

/// A size that a layer's initializer was given; traps with the argument's name when it isn't positive, as Swift's
/// collections do.
func positive(_ value: Int, _ argument: String, _ layer: String) -> Int {
  precondition(value > 0, "\(layer): \(argument): expected a positive number, received \(value)")
  return value
}

/// Sizes for `rank` dimensions, given as one for all or as one for each; traps on another number of them.
func spread(_ sizes: [Int], _ rank: Int, _ argument: String, _ layer: String) -> [Int] {
  if sizes.count == rank { return sizes }
  precondition(
    sizes.count == 1, "\(layer): \(argument): expected 1 or \(rank) values, received \(sizes)")
  return [Int](repeating: sizes[0], count: rank)
}
