import OctetTensor
import OctetTestSupport

/// `x / (1 - p)` where a mask leaves it, 0 elsewhere; the mask is what the same seed makes of ones, so that it may depend on nothing but the
/// place. The factor is rounded when it is made, and the product: three half-units.
private func dropout(isTraining: Bool) -> FloatCase {
  FloatCase(name: isTraining ? "dropout, training" : "dropout, evaluating", hasDouble: false) {
    random in
    let shape = random.shape(random.int(0...4))
    let scale = random.magnitude()
    let probability = random.pick([0.25, 0.4, 0.9])
    let seed = UInt64(random.int(0...1_000_000))
    let run: (Tensor) throws -> Tensor = { x in
      try RandomSource.$shared.withValue(RandomSource(seed: seed)) {
        try Functional.dropout(x, p: probability, training: isTraining)
      }
    }
    let ones: [Float] = try run(Tensor(repeating: Float(1), shape: shape)).elements()
    let factors = Grid(shape, ones.map { $0 == 0 ? 0 : isTraining ? 1 / (1 - probability) : 1 })
    return FloatCase.Draw(
      inputs: [random.operand(shape, times: scale)], isSmooth: scale == 1,
      reference: { inputs in
        BoundedGrid(shape) { index in
          let value = inputs[0][index] * factors[index]
          return (value, isTraining ? BoundedSum.gamma(3) * abs(value) : 0)
        }
      }, run: { try run($0[0]) })
  }
}

/// Dropout in both modes.
let dropoutCases: [FloatCase] = [dropout(isTraining: true), dropout(isTraining: false)]
