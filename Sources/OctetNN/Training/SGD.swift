import OctetTensor

/// Stochastic gradient descent. torch.optim.SGD.
///
/// With `g = gradient + weightDecay * p`: `b = momentum * b + (1 - dampening) * g` (the first time `b = g`), then
/// `p -= learningRate * b`, or `learningRate * (g + momentum * b)` in Nesterov's form; float32, each operation rounded.
public final class SGD: Optimizer {
  private let momentum: Float
  private let dampening: Float
  private let weightDecay: Float
  private let nesterov: Bool
  private var buffers = ParameterMemory("momentum_buffer")

  /// A rule for some parameters. Traps when Nesterov's form lacks momentum or has dampening.
  public init(
    _ parameters: [Parameter], learningRate: Double = 1e-3, momentum: Double = 0,
    dampening: Double = 0, weightDecay: Double = 0, nesterov: Bool = false
  ) {
    precondition(
      !nesterov || (momentum > 0 && dampening == 0),
      "nesterov: expected momentum above 0 and no dampening, received \(momentum) and \(dampening)")
    self.momentum = Float(momentum)
    self.dampening = Float(dampening)
    self.weightDecay = Float(weightDecay)
    self.nesterov = nesterov
    super.init(parameters, learningRate: learningRate)
  }

  override func update(
    _ index: Int, _ values: UnsafeMutableBufferPointer<Float>, _ gradient: Tensor
  ) throws(OctetError) {
    let rate = Float(learningRate)
    let (decay, momentum, nesterov) = (weightDecay, momentum, nesterov)
    if momentum == 0 {
      gradient.withElements(Float.self) { g in
        for i in 0..<values.count { values[i] -= rate * (g[i] + decay * values[i]) }
      }
      return
    }
    let isFirst = buffers.isFresh(index)
    let (keep, take): (Float, Float) = isFirst ? (0, 1) : (momentum, 1 - dampening)
    try buffers.with(index, gradient.shape) { buffer in
      gradient.withElements(Float.self) { g in
        for i in 0..<values.count {
          let slope = g[i] + decay * values[i]
          let moved = keep * buffer[i] + take * slope
          buffer[i] = moved
          values[i] -= rate * (nesterov ? slope + momentum * moved : moved)
        }
      }
    }
  }

  override func memory() -> [(String, Tensor)] { buffers.entries }

  override func remember(_ state: StateDictionary) throws(OctetError) {
    try buffers.load(state, parameters)
  }
}
