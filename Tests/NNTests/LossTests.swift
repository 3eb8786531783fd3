import OctetNN
import OctetTensor
import OctetTestSupport
import Testing

/// Losses and their gradients against torch 2.8's.
struct LossTests {
  private static let logits: [Float] = [1.5, -0.3, 0.7, -2, 0.1, 3]
  private static let targets: [Float] = [0.2, 0.9, 0.7, 1, 0, 0.5]

  private func expect(
    _ loss: (Tensor) throws -> Tensor, _ values: [Float], _ slopes: [Float],
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let x = try Tensor(Self.logits, shape: [2, 3])
    x.requiresGrad = true
    let result = try loss(x)
    try result.backward(Tensor(repeating: Float(1), shape: result.shape))
    let found: [Float] = try result.elements()
    let gradient: [Float] = try #require(x.gradient).elements()
    expectClose(found, values, location)
    expectClose(gradient, slopes, location)
  }

  @Test func crossEntropy() throws {
    let target = try Tensor([Int64(2), 0], shape: [2])
    try expect(
      { try Functional.crossEntropy($0, target: target) }, [3.16951656],
      [0.309668899, 0.051187925, -0.360856801, -0.496827006, 0.0259112976, 0.470915705])
    try expect(
      { CrossEntropyLoss(labelSmoothing: 0.1, reduction: .sum)($0, target) }, [6.10903311],
      [0.586004436, 0.0690425187, -0.65504694, -0.92698735, 0.0184892602, 0.908498049])
    try expect(
      {
        try Functional.crossEntropy($0, target: target, reduction: .none, labelSmoothing: 0.2)
      }, [1.29243779, 4.58659554],
      [0.552671134, 0.0357091799, -0.588380277, -0.860320687, -0.0148440748, 0.875164747])
    let ignored = try Tensor([Int32(2), -100], shape: [2])
    try expect(
      { try Functional.crossEntropy($0, target: ignored) }, [1.27910447],
      [0.619337797, 0.10237585, -0.721713603, 0, 0, 0])
  }

  @Test("At its target a loss has no slope, with a width or without; NaN stays NaN")
  func corners() throws {
    for loss in [
      { try Functional.absoluteError($0, target: $1, reduction: .sum) },
      { try Functional.smoothAbsoluteError($0, target: $1, beta: 0, reduction: .sum) },
      { try Functional.smoothAbsoluteError($0, target: $1, beta: 0.5, reduction: .sum) },
      { try Functional.huberLoss($0, target: $1, delta: 2, reduction: .sum) },
    ] as [(Tensor, Tensor) throws -> Tensor] {
      let x = try Tensor([Float(1.5), -0.0], shape: [2])
      x.requiresGrad = true
      try loss(x, Tensor([Float(1.5), 0], shape: [2])).backward()
      #expect(try #require(x.gradient).elements(as: Float.self) == [0, 0])
    }
    let x = try Tensor([Float.nan], shape: [1])
    x.requiresGrad = true
    try Functional.smoothAbsoluteError(x, target: Tensor([Float(0)], shape: [1])).backward()
    #expect(try #require(x.gradient).elements(as: Float.self)[0].isNaN)
  }

  @Test func elementwise() throws {
    let target = try Tensor(Self.targets, shape: [2, 3])
    try expect(
      { MSELoss()($0, target) }, [3.06499982],
      [0.433333337, -0.400000036, 0, -1, 0.0333333351, 0.833333373])
    try expect({ L1Loss(reduction: .sum)($0, target) }, [8.10000038], [1, -1, 0, -1, 1, 1])
    try expect(
      { SmoothL1Loss(beta: 0.5)($0, target) }, [1.16833341],
      [0.166666672, -0.166666672, 0, -0.166666672, 0.0333333351, 0.166666672])
    try expect(
      { HuberLoss(delta: 0.5)($0, target) }, [0.584166706],
      [0.0833333358, -0.0833333358, 0, -0.0833333358, 0.0166666675, 0.0833333358])
    try expect(
      { BCEWithLogitsLoss()($0, target) }, [1.20981109],
      [0.102929078, -0.0790737495, -0.00530204177, -0.14679952, 0.0874965265, 0.0754290223])
    try expect(
      { KLDivLoss(reduction: .sum)($0, target) }, [-1.03295803],
      [-0.200000003, -0.899999976, -0.699999988, -1, 0, -0.5])
    try expect(
      { KLDivLoss(logTarget: true)($0, target) }, [0.882790387],
      [-0.203567132, -0.409933865, -0.33562547, -0.453046978, -0.166666672, -0.27478689])
  }

  @Test(arguments: derivatives)
  func derivative(_ check: GradientCase) throws {
    let mismatches = try check.mismatches()
    #expect(mismatches.isEmpty, "\(check.name): \(mismatches.prefix(4).joined(separator: "; "))")
  }

  private static let derivatives: [GradientCase] = [
    GradientCase("cross entropy over planes", [[2, 3, 2]], in: -2...2) {
      let target = try Tensor([Int64(1), 2, 0, -100], shape: [2, 2])
      return try Functional.crossEntropy($0[0], target: target, labelSmoothing: 0.3)
    },
    GradientCase("cross entropy of one row", [[4]], in: -2...2) {
      try Functional.crossEntropy($0[0], target: Tensor(scalar: Int64(3)))
    },
    GradientCase("mse", [[2, 3], [2, 3]]) {
      try Functional.meanSquaredError($0[0], target: $0[1], reduction: .none)
    },
    GradientCase("smooth l1", [[12], [12]], in: -3...3) {
      try Functional.smoothAbsoluteError($0[0], target: $0[1], beta: 0.7, reduction: .sum)
    },
    GradientCase("huber", [[12], [12]], in: -3...3) {
      try Functional.huberLoss($0[0], target: $0[1], delta: 0.7)
    },
    GradientCase("bce with logits", [[8], [8]], in: -3...3) {
      try Functional.binaryCrossEntropyWithLogits($0[0], target: $0[1])
    },
    GradientCase("kl", [[6], [6]], in: 0.2...1) {
      try Functional.klDivergence($0[0], target: $0[1], reduction: .none)
    },
    GradientCase("kl of logarithms", [[6], [6]]) {
      try Functional.klDivergence($0[0], target: $0[1], logTarget: true, reduction: .sum)
    },
  ]

  @Test func mistakesAreNamed() throws {
    let x = try Tensor(Self.logits, shape: [2, 3])
    #expect(throws: OctetError.self) {
      try Functional.crossEntropy(x, target: Tensor([Int64(0), 3], shape: [2]))
    }
    #expect(throws: OctetError.self) {
      try Functional.crossEntropy(x, target: Tensor([Int64(0)], shape: [1]))
    }
    #expect(throws: OctetError.self) {
      try Functional.meanSquaredError(x, target: Tensor(repeating: Float(0), shape: [3]))
    }
  }
}

/// Equal but for the last bits of float32.
func expectClose(
  _ found: [Float], _ wanted: [Float], _ location: SourceLocation = #_sourceLocation
) {
  #expect(found.count == wanted.count, sourceLocation: location)
  for (a, b) in zip(found, wanted) {
    #expect(
      abs(a - b) <= 3e-7 * max(1, abs(b)), "\(found) instead of \(wanted)",
      sourceLocation: location)
  }
}
