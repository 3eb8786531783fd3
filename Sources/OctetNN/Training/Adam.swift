import OctetTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adaptive moments. torch.optim.Adam.
///
/// At step t, with `g = gradient + weightDecay * p`: `m += (1 - β₁) * (g - m)`, `v = β₂ * v + (1 - β₂) * g²`, and
/// `p -= learningRate / (1 - β₁ᵗ) * m / (sqrt(v) / sqrt(1 - β₂ᵗ) + epsilon)`; float32, factors in double.
public class Adam: Optimizer {
  private let betas: (Double, Double)
  private let epsilon: Float
  private let weightDecay: Double
  private let isDecoupled: Bool
  private var means = ParameterMemory("exp_avg")
  private var squares = ParameterMemory("exp_avg_sq")
  private var steps: [Int: Int64] = [:]

  /// A rule for some parameters.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, weightDecay: Double = 0
  ) {
    self.init(parameters, learningRate, betas, epsilon, weightDecay, isDecoupled: false)
  }

  init(
    _ parameters: [Parameter], _ learningRate: Double, _ betas: (Double, Double),
    _ epsilon: Double, _ weightDecay: Double, isDecoupled: Bool
  ) {
    precondition(
      (0..<1).contains(betas.0) && (0..<1).contains(betas.1),
      "betas: expected numbers in 0..<1, received \(betas)")
    self.betas = betas
    self.epsilon = Float(epsilon)
    self.weightDecay = weightDecay
    self.isDecoupled = isDecoupled
    super.init(parameters, learningRate: learningRate)
  }

  override func update(
    _ index: Int, _ values: UnsafeMutableBufferPointer<Float>, _ gradient: Tensor
  ) throws(OctetError) {
    let step = (steps[index] ?? 0) + 1
    steps[index] = step
    let shrink = isDecoupled ? Float(1 - learningRate * weightDecay) : 1
    let decay = isDecoupled ? 0 : Float(weightDecay)
    let mix = Float(1 - betas.0)
    let (keep, take) = (Float(betas.1), Float(1 - betas.1))
    let size = Float(-(learningRate / (1 - pow(betas.0, Double(step)))))
    let spread = Float((1 - pow(betas.1, Double(step))).squareRoot())
    let epsilon = epsilon
    try means.with(index, gradient.shape) { m throws(OctetError) in
      try squares.with(index, gradient.shape) { v in
        gradient.withElements(Float.self) { g in
          for i in 0..<values.count {
            let value = values[i] * shrink
            let slope = g[i] + decay * value
            m[i] += mix * (slope - m[i])
            v[i] = v[i] * keep + take * slope * slope
            values[i] = value + size * m[i] / (v[i].squareRoot() / spread + epsilon)
          }
        }
      }
    }
  }

  override func memory() -> [(String, Tensor)] {
    means.entries + squares.entries
      + steps.sorted { $0.key < $1.key }.map { ("\($0.key).step", Tensor(scalar: $0.value)) }
  }

  override func remember(_ state: StateDictionary) throws(OctetError) {
    var counts: [Int: Int64] = [:]
    for index in parameters.indices {
      if let tensor = state["\(index).step"] { counts[index] = Int64(try tensor.item()) }
    }
    var (first, second) = (means, squares)
    try first.load(state, parameters)
    try second.load(state, parameters)
    (means, squares, steps) = (first, second, counts)
  }
}

/// Adam whose decay acts on the parameters alone: `p *= 1 - learningRate * weightDecay` before each step. torch.optim.AdamW.
public final class AdamW: Adam {
  /// A rule for some parameters.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, weightDecay: Double = 1e-2
  ) {
    self.init(parameters, learningRate, betas, epsilon, weightDecay, isDecoupled: true)
  }
}
