import OctetQuantization
import OctetTensor
import Testing

/// Straight-through and learnt-scale gradients against torch 2.8's.
struct FakeQuantizeGradientTests {
  private static let values: [Float] = [-1.3, 0.24, 0.9, 2.6, 0.05, -0.61, 1.249, -0.07]
  private static let upstream: [Float] = [0.5, -1, 2, 1.5, -0.25, 0.75, 1, 3]

  private func leaf(_ values: [Float], _ shape: [Int]) throws -> Tensor {
    let tensor = try Tensor(values, shape: shape)
    tensor.requiresGrad = true
    return tensor
  }

  private func expect(
    _ found: Tensor?, _ wanted: [Float], _ location: SourceLocation = #_sourceLocation
  ) throws {
    let values: [Float] = try #require(found, sourceLocation: location).elements()
    #expect(values.count == wanted.count, sourceLocation: location)
    for (a, b) in zip(values, wanted) {
      #expect(
        abs(a - b) <= 5e-7 * max(1, abs(b)), "\(values) instead of \(wanted)",
        sourceLocation: location)
    }
  }

  @Test func insideTheRangeGradientsPass() throws {
    let x = try leaf(Self.values, [2, 4])
    let y = try Functional.fakeQuantizePerTensorAffine(
      x, scale: 0.1, zeroPoint: 3, quantMin: 0, quantMax: 15)
    try y.backward(Tensor(Self.upstream, shape: [2, 4]))
    try expect(x.gradient, [0, -1, 2, 0, -0.25, 0, 1, 3])
  }

  @Test func scalesAndZeroPointsLearn() throws {
    for (zero, factor, masked, outputs, slopes) in [
      (
        Float(3.4), 0.5, [0, -1, 2, 0, -0.25, 0, 1, 3] as [Float],
        [-0.3, 0.2, 0.9, 1.2, 0, -0.3, 1.2, -0.1] as [Float],
        (Float(6.56750107), Float(-0.137500003))
      ),
      (
        3.6, 1, [0, -1, 2, 0, -0.25, 0, 0, 3],
        [-0.4, 0.2, 0.9, 1.1, 0, -0.4, 1.1, -0.1], (22.1250019, -0.375)
      ),
    ] {
      let (x, scale, zeroPoint) = (
        try leaf(Self.values, [2, 4]), try leaf([0.1], [1]), try leaf([zero], [1])
      )
      let y = try Functional.fakeQuantizeLearnablePerTensorAffine(
        x, scale: scale, zeroPoint: zeroPoint, quantMin: 0, quantMax: 15, gradientFactor: factor)
      try expect(y, outputs)
      try y.backward(Tensor(Self.upstream, shape: [2, 4]))
      try expect(x.gradient, masked)
      try expect(scale.gradient, [slopes.0])
      try expect(zeroPoint.gradient, [slopes.1])
    }
  }

  @Test func channelsLearnOnTheirOwn() throws {
    let (x, scale, zeroPoint) = (
      try leaf(Self.values, [2, 4]), try leaf([0.1, 0.2], [2]), try leaf([3.4, 7.6], [2])
    )
    let y = try Functional.fakeQuantizeLearnablePerChannelAffine(
      x, scale: scale, zeroPoint: zeroPoint, axis: 0, quantMin: 0, quantMax: 15,
      gradientFactor: 0.5)
    try expect(y, [-0.3, 0.2, 0.9, 1.2, 0, -0.6, 1.2, 0])
    try y.backward(Tensor(Self.upstream, shape: [2, 4]))
    try expect(x.gradient, [0, -1, 2, 0, -0.25, 0.75, 1, 3])
    try expect(scale.gradient, [8.45000076, 0.452500224])
    try expect(zeroPoint.gradient, [-0.1, 0])
    #expect(throws: OctetError.self) {
      try Functional.fakeQuantizeLearnablePerTensorAffine(
        x, scale: scale, zeroPoint: zeroPoint, quantMin: 0, quantMax: 15)
    }
  }
}
