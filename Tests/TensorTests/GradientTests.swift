import OctetTensor
import OctetTestSupport
import Testing

/// Every operator's derivative against central differences.
struct GradientTests {
  @Test(arguments: elementwise + compositions)
  func derivative(_ check: GradientCase) throws {
    let mismatches = try check.mismatches()
    #expect(mismatches.isEmpty, "\(check.name): \(mismatches.prefix(4).joined(separator: "; "))")
  }

  @Test func wrongDerivativesAreFound() throws {
    let half = GradientCase("half of a square's", [[3]], in: 1...2) { $0[0] * $0[0].detached() }
    #expect(try half.mismatches().count == 3)
    let none = GradientCase("none", [[3]]) { try $0[0].detached() + Tensor([Float(1)], shape: [1]) }
    #expect(throws: OctetError.self) { try none.mismatches() }
  }

  private static let elementwise: [GradientCase] = [
    GradientCase("add, broadcast", [[2, 3], [3]]) { try Functional.add($0[0], $0[1]) },
    GradientCase("multiply, broadcast", [[2, 1, 3], [4, 1]]) {
      try Functional.multiply($0[0], $0[1])
    },
    GradientCase("a value for each channel", [[2, 3, 5], [1, 3, 1]], in: 0.5...2) {
      let sum = try Functional.add($0[0], $0[1])
      let product = try Functional.multiply(sum, $0[1])
      return try Functional.divide(Functional.subtract(product, $0[1]), $0[1])
    },
    GradientCase("a tensor with itself", [[5]]) { $0[0] * $0[0] + $0[0] },
    GradientCase("scalars", [[7]]) { (($0[0] + 3) * 2 - 1) / 5 },
    GradientCase("relu", [[9]], corners: [0]) { try Functional.relu($0[0]) },
    GradientCase("relu6", [[24]], in: -3...9, corners: [0, 6]) { try Functional.relu6($0[0]) },
    GradientCase("hardtanh", [[24]], in: -3...3, corners: [-1, 2]) {
      try Functional.hardtanh($0[0], min: -1, max: 2)
    },
    GradientCase("clamp", [[24]], in: -3...3, corners: [-0.5, 0.5]) {
      try Functional.clamp($0[0], min: -0.5, max: 0.5)
    },
    GradientCase("leaky relu", [[12]], corners: [0]) {
      try Functional.leakyReLU($0[0], negativeSlope: 0.3)
    },
    GradientCase("elu", [[12]], in: -3...3, corners: [0]) {
      try Functional.elu($0[0], alpha: 1.3)
    },
    GradientCase("celu", [[12]], in: -3...3, corners: [0]) {
      try Functional.celu($0[0], alpha: 0.7)
    },
    GradientCase("gelu", [[12]], in: -3...3) { try Functional.gelu($0[0]) },
    GradientCase("gelu by tanh", [[12]], in: -3...3) {
      try Functional.gelu($0[0], approximate: .tanh)
    },
    GradientCase("sigmoid", [[12]], in: -4...4) { try Functional.sigmoid($0[0]) },
    GradientCase("tanh", [[12]], in: -3...3) { try Functional.tanh($0[0]) },
    GradientCase("hardswish", [[24]], in: -5...5, corners: [-3, 3]) {
      try Functional.hardswish($0[0])
    },
    GradientCase("hardsigmoid", [[24]], in: -5...5, corners: [-3, 3]) {
      try Functional.hardsigmoid($0[0])
    },
    GradientCase("threshold", [[12]], corners: [0.1]) {
      try Functional.threshold($0[0], threshold: 0.1, value: 4)
    },
    GradientCase("prelu, one slope", [[2, 3, 2], [1]], corners: [0]) {
      try Functional.prelu($0[0], weight: $0[1])
    },
    GradientCase("prelu, a slope per channel", [[2, 3, 2], [3]], corners: [0]) {
      try Functional.prelu($0[0], weight: $0[1])
    },
    GradientCase("softmax", [[2, 3, 4]], in: -2...2) { try Functional.softmax($0[0], dim: 1) },
    GradientCase("softmax, last", [[3, 5]], in: -2...2) { try Functional.softmax($0[0], dim: -1) },
  ]

  /// What no single operator's case reaches: a tensor seen twice, views of views.
  private static let compositions: [GradientCase] = [
    GradientCase("a product of two views", [[2, 6]]) {
      try $0[0].view([3, -1]) * $0[0].view([3, 4])
    },
    GradientCase("overlapping slices", [[6]]) {
      try $0[0].slice(dim: 0, 0..<4) * $0[0].slice(dim: 0, 2..<6)
    },
    GradientCase("as_strided of a transpose", [[3, 4]]) {
      try $0[0].transposed(0, 1).asStrided([2, 5], strides: [5, 1])
    },
    GradientCase("mean of all", [[2, 3]]) { try Functional.mean($0[0]) },
    GradientCase("mean of some", [[2, 3, 4]]) { try Functional.mean($0[0], dims: [0, -1]) },
    GradientCase("mean, kept", [[2, 3, 4]]) {
      try Functional.mean($0[0], dims: [1], keepDims: true)
    },
    GradientCase("reflection pad", [[1, 2, 4, 5]]) {
      try Functional.reflectionPad($0[0], before: [3, 1], after: [2, 4])
    },
  ]
}
