import OctetNN
import OctetTensor
import Testing

@Suite("Activation layers")
struct ActivationLayerTests {
  private static let inputs: [Float] = [-8, -2, -0.5, 0, 0.5, 2, 8]

  /// A layer and what it makes of the inputs.
  private static func layers() -> [(name: String, layer: Module, expected: [Float])] {
    [
      ("ReLU", ReLU(), [0, 0, 0, 0, 0.5, 2, 8]),
      ("ReLU6", ReLU6(), [0, 0, 0, 0, 0.5, 2, 6]),
      ("Hardtanh", Hardtanh(min: -1, max: 1.5), [-1, -1, -0.5, 0, 0.5, 1.5, 1.5]),
      ("LeakyReLU", LeakyReLU(negativeSlope: 0.5), [-4, -1, -0.25, 0, 0.5, 2, 8]),
      (
        "ELU", ELU(alpha: 2), [-1.9993291, -1.7293295, -0.78693867, 0, 0.5, 2, 8]
      ),
      (
        "CELU", CELU(alpha: 2), [-1.9633687, -1.2642411, -0.44239843, 0, 0.5, 2, 8]
      ),
      ("Hardswish", Hardswish(), [0, -0.33333334, -0.20833333, 0, 0.29166666, 1.6666666, 8]),
      ("Hardsigmoid", Hardsigmoid(), [0, 0.16666667, 0.41666666, 0.5, 0.5833333, 0.8333333, 1]),
      (
        "Sigmoid", Sigmoid(),
        [0.00033535014, 0.11920292, 0.37754068, 0.5, 0.62245935, 0.880797, 0.99966466]
      ),
      ("Tanh", Tanh(), [-0.9999998, -0.9640276, -0.46211717, 0, 0.46211717, 0.9640276, 0.9999998]),
      ("GELU", GELU(), [0, -0.04550028, -0.15426877, 0, 0.34573123, 1.9544997, 8]),
      (
        "GELU tanh", GELU(approximate: .tanh),
        [0, -0.04540231, -0.15428599, 0, 0.345714, 1.9545977, 8]
      ),
      ("PReLU", PReLU(), [-2, -0.5, -0.125, 0, 0.5, 2, 8]),
      ("Dropout", Dropout().eval(), inputs),
    ]
  }

  @Test func values() throws {
    let x = try Tensor(Self.inputs, shape: [1, 7])
    for (name, layer, expected) in Self.layers() {
      let y: [Float] = try layer.evaluate(x).elements()
      for (got, want) in zip(y, expected) {
        #expect(abs(got - want) <= 1e-6 * max(1, abs(want)), "\(name): \(got), expected \(want)")
      }
    }
  }

  @Test func softmaxOverItsDimension() throws {
    let x = try Tensor([Float](repeating: 3, count: 8), shape: [2, 4])
    #expect(try Softmax(dim: 1).evaluate(x).elements() == [Float](repeating: 0.25, count: 8))
    #expect(try Softmax(dim: 0).evaluate(x).elements() == [Float](repeating: 0.5, count: 8))
  }

  @Test func slopesAreState() throws {
    let layer = PReLU(parameters: 2)
    #expect(layer.stateDictionary().names == ["weight"])
    layer.weight.value = try Tensor([Float(0.5), -1], shape: [2])
    let x = try Tensor([Float(-4), -4, 1, 1], shape: [2, 2])
    #expect(try layer.evaluate(x).elements() == [Float(-2), 4, 1, 1])
  }

  @Test func dropoutWorksWhileTraining() throws {
    let layer = Dropout(p: 0.5)
    let x = try Tensor(repeating: Float(1), shape: [1000])
    #expect(try Set(layer.evaluate(x).elements(as: Float.self)) == [0, 2])
    #expect(try layer.eval().evaluate(x).elements() == [Float](repeating: 1, count: 1000))
  }
}
