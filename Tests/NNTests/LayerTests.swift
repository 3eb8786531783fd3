import OctetNN
import OctetTensor
import OctetTestSupport
import Testing

@Suite("Pooling, resizing and normalization layers")
struct LayerTests {
  @Test func layersCallTheirFunctions() throws {
    let x = try Tensor(TestRandom(1).floats(2 * 4 * 36), shape: [2, 4, 6, 6])
    func same(_ layer: Module, _ want: Tensor) throws {
      let got = try layer.evaluate(x)
      #expect(got.shape == want.shape)
      #expect(try got.elements(as: Float.self) == want.elements(as: Float.self))
    }
    try same(
      AvgPool2d(3, stride: 2, padding: 1, ceiling: true, countIncludePad: false),
      Functional.avgPool(
        x, kernel: [3, 3], stride: [2, 2], padding: [1, 1], ceiling: true, countIncludePad: false))
    try same(
      AdaptiveAvgPool2d(height: 4, width: nil), Functional.adaptiveAvgPool(x, outputSize: [4, nil]))
    try same(
      Upsample(size: [7, 3], mode: .bilinear, alignCorners: true),
      Functional.interpolate(x, size: [7, 3], mode: .bilinear, alignCorners: true))
    try same(LayerNorm(6), Functional.layerNorm(x, normalizedShape: [6]))
    try same(GroupNorm(2, 4), Functional.groupNorm(x, groups: 2))
    try same(InstanceNorm2d(4, affine: true), Functional.instanceNorm(x))
  }

  @Test func otherRanksPool() throws {
    let line = try Tensor(TestRandom(2).floats(2 * 3 * 9), shape: [2, 3, 9])
    #expect(try AvgPool1d(2).evaluate(line).shape == [2, 3, 4])
    #expect(try AdaptiveAvgPool1d(5).evaluate(line).shape == [2, 3, 5])
    #expect(try InstanceNorm1d(3).evaluate(line).shape == [2, 3, 9])
    let cube = try Tensor(TestRandom(3).floats(2 * 27), shape: [1, 2, 3, 3, 3])
    #expect(try AvgPool3d(2, divisor: 3).evaluate(cube).shape == [1, 2, 1, 1, 1])
    #expect(try AdaptiveAvgPool3d(2).evaluate(cube).shape == [1, 2, 2, 2, 2])
    #expect(try InstanceNorm3d(2).evaluate(cube).shape == [1, 2, 3, 3, 3])
  }

  @Test func maxPoolsTellPlacesWhenAsked() throws {
    let x = try Tensor(TestRandom(5).floats(2 * 3 * 4 * 4), shape: [2, 3, 4, 4])
    for pool in [
      MaxPool2d(2, returnIndices: true), AdaptiveMaxPool2d(2, returnIndices: true),
    ] as [IndexedPool] {
      let (output, indices) = try pool.copy().evaluateWithIndices(x)
      let plain = try pool.evaluate(x)
      #expect(output == plain && indices.shape == output.shape)
      let planes = try x.reshaped([2, 3, 16])
      #expect(
        planes.gather(dim: 2, index: try indices.view([2, 3, 4])) == (try plain.view([2, 3, 4])))
      #expect("\(pool)".contains("returnIndices: true"))
    }
    let error = #expect(throws: OctetError.self) { try MaxPool2d(2).evaluateWithIndices(x) }
    #expect(error?.argument == "returnIndices")
  }

  /// torch 2.8.
  @Test func upsampleTakesTorchsArguments() throws {
    let x = try Tensor((0..<12).map { Float($0 * 7 % 12 - 5) * 0.5 }, shape: [1, 1, 3, 4])
    func check(_ layer: Upsample, _ want: [Float]) throws {
      let got: [Float] = try layer.copy().evaluate(x).elements()
      #expect(got.count == want.count, "\(layer)")
      for (a, b) in zip(got, want) {
        #expect(abs(a - b) <= 2e-6 * max(1, abs(b)), "\(layer): \(a), torch \(b)")
      }
    }
    try check(
      Upsample(size: [2, 5], mode: .bicubic),
      [
        -2.342628, 0.8572794, 0.385498, -0.8188338, 1.15348, 1.186481, 0.05879328, 1.194092,
        1.59684, -0.7584392,
      ])
    try check(
      Upsample(size: [2, 5], mode: .bicubic, alignCorners: true),
      [-2.5, 0.4707031, -0.25, -0.9707031, 2, 1.5, -0.8027344, 0.75, 2.302734, 0])
    try check(
      Upsample(scaleFactor: [1.7, 0.6], mode: .bicubic),
      [
        -1.454012, -1.694752, -0.5072881, -0.8985221, 0.6999691, 0.4130496, 0.778098, 1.7953,
        0.5006884, 2.66048,
      ])
    try check(
      Upsample(scaleFactor: [1.7, 0.6], mode: .bilinear),
      [
        -1.333333, -1.5, -0.5686275, -0.7352941, 0.6078433, 0.4411767, 0.6666666, 1.617647,
        0.6666667, 2.5,
      ])
    try check(
      Upsample(scaleFactor: [1.7, 0.6], mode: .bilinear, recomputeScaleFactor: true),
      [-0.75, 0.25, 0.05000004, -0.15, 1.25, -0.75, 0.6499999, 0.4500003, 0.25, 1.25])
    try check(
      Upsample(scaleFactor: [1.7, 0.6], recomputeScaleFactor: true),
      [-2.5, -1.5, -2.5, -1.5, -0.5, 0.5, -0.5, 0.5, 1.5, 2.5])
    #expect(throws: OctetError.self) {
      try Functional.interpolate(x, size: [2, 3], recomputeScaleFactor: true)
    }
    let integers = try Functional.quantizePerTensor(x, scale: 0.1, zeroPoint: 30, dtype: .quint8)
    let error = #expect(throws: OctetError.self) {
      try Upsample(size: 3, mode: .bicubic).evaluate(integers)
    }
    #expect(error?.argument == "mode")
  }

  @Test func normsRefuseOtherChannelsAndRanks() throws {
    let x = try Tensor(repeating: Float(1), shape: [2, 4, 6])
    for layer in [GroupNorm(1, 3), InstanceNorm1d(3), InstanceNorm2d(4), LayerNorm(5)] as [Module] {
      let error = #expect(throws: OctetError.self) { _ = try layer.evaluate(x) }
      #expect(error?.code == .shapeMismatch)
    }
  }

  @Test func affinePartsAreState() {
    #expect(LayerNorm([2, 3]).stateDictionary().names == ["weight", "bias"])
    #expect(LayerNorm([2], bias: false).stateDictionary().names == ["weight"])
    #expect(LayerNorm([2], elementwiseAffine: false).stateDictionary().names.isEmpty)
    #expect(InstanceNorm2d(3).stateDictionary().names.isEmpty)
    #expect(GroupNorm(1, 3, affine: false).stateDictionary().names.isEmpty)
  }

  @Test func layersPrintTheirArguments() {
    #expect(
      "\(AvgPool2d(2, stride: 3))"
        == "AvgPool2d(kernelSize: [2, 2], stride: [3, 3], padding: [0, 0])")
    #expect(
      "\(AdaptiveAvgPool2d(height: 4, width: nil))" == "AdaptiveAvgPool2d(outputSize: 4, nil)")
    #expect("\(Upsample(scaleFactor: 2))" == "Upsample(scaleFactor: [2.0], mode: nearest)")
    #expect(
      "\(Upsample(size: [3, 4], mode: .bilinear))" == "Upsample(size: [3, 4], mode: bilinear)")
    #expect("\(LayerNorm([4]))" == "LayerNorm([4], epsilon: 1e-05, affine: true)")
    #expect("\(GroupNorm(2, 4))" == "GroupNorm(2, 4, epsilon: 1e-05, affine: true)")
    #expect("\(InstanceNorm2d(4))" == "InstanceNorm2d(4, epsilon: 1e-05, affine: false)")
  }
}
