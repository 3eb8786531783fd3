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
    GradientCase("reflection pad", [[1, 2, 4, 5]]) {
      try Functional.reflectionPad($0[0], before: [3, 1], after: [2, 4])
    },
  ]
}
