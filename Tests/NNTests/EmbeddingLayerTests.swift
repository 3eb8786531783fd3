import OctetNN
import OctetTensor
import Testing

// Layers draw their first weights from one generator: one test at a time.
@Suite("Embedding layers", .serialized)
struct EmbeddingLayerTests {
  @Test("Rows start normally distributed, the padding row as zeros")
  func firstWeights() throws {
    RandomSource.shared.reseed(11)
    let layer = Embedding(200, 100, paddingIndex: 7)
    let values: [Float] = try layer.weight.value.elements()
    #expect(values[700..<800].allSatisfy { $0 == 0 })
    let drawn = values[..<700] + values[800...]
    let count = Float(drawn.count)
    let mean = drawn.reduce(0, +) / count
    let variance = drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    // Twenty thousand draws: a standard error of 0.007 and 0.01.
    #expect(abs(mean) < 0.03 && abs(variance - 1) < 0.04)
    // 68.3 % lie within one standard deviation, 95.4 % within two.
    func share(within bound: Float) -> Float { Float(drawn.count { abs($0) < bound }) / count }
    #expect(abs(share(within: 1) - 0.683) < 0.015 && abs(share(within: 2) - 0.954) < 0.01)
  }

  @Test("Hooks see a call over bags, and errors name the module")
  func bagCalls() throws {
    let table = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])
    let layer = try EmbeddingBag(weight: Parameter(table), mode: .sum)
    let indices = try Tensor([Int64(0), 1, 2], shape: [3])
    let offsets = try Tensor([Int64(0), 2], shape: [2])
    var seen: [[Int]] = []
    layer.preHooks = [
      ModuleHook { _, input in
        seen.append(input.shape)
        return input
      }
    ]
    layer.postHooks = [
      ModuleHook { _, output in
        seen.append(output.shape)
        return output
      }
    ]
    #expect(try layer.evaluate(indices, offsets: offsets).elements() == [4, 6, 5, 6] as [Float])
    #expect(seen == [[3], [2, 2]])
    let factors = try Tensor([2, 1, -1] as [Float], shape: [3])
    #expect(
      layer(indices, offsets: offsets, perSampleWeights: factors).shape == [2, 2])
    #expect(
      try layer.evaluate(indices, offsets: offsets, perSampleWeights: factors).elements()
        == [5, 8, -5, -6] as [Float])
    // The arguments of one call don't outlive it.
    #expect(throws: OctetError.self) { try layer.evaluate(indices) }
  }

  private static let table: [Float] = [3, 4, 1, 0, 0.3, 0.4, -6, 8, 0, 0]

  private static func parameter() throws -> Parameter {
    Parameter(try Tensor(table, shape: [5, 2]))
  }

  private static func near(_ tensor: Tensor?, _ want: [Float], _ context: String = "") throws {
    let got = try tensor?.elements(as: Float.self) ?? []
    #expect(got.count == want.count, "\(context)")
    for (a, b) in zip(got, want) {
      #expect(abs(a - b) <= 1e-6 * max(1, abs(b)), "\(context): \(a), torch \(b)")
    }
  }

  /// The gradient of the table for weights 1, 2, 3, … of the outputs.
  private static func gradient(_ weight: Parameter, _ output: Tensor) throws -> Tensor? {
    let upstream = try Tensor((1...output.count).map { Float($0) }, shape: output.shape)
    try output.backward(upstream)
    return weight.gradient
  }

  @Test("Rows that are looked up are scaled down in the table, by any norm; torch's values")
  func maxNorm() throws {
    let looked = try Tensor([0, 1, 0, 3, 4] as [Int64], shape: [5])
    for (p, first, fourth) in [
      (2, [0.9, 1.2], [-0.9, 1.2]), (1, [0.6428571, 0.8571429], [-0.6428571, 0.8571429]),
      (.infinity, [1.125, 1.5], [-1.125, 1.5]), (3, [1.000458, 1.333944], [-1.000458, 1.333943]),
      (-1, [2.625, 3.5], [-2.625, 3.5]), (0, [2.25, 3], [-4.5, 6]),
    ] as [(Double, [Float], [Float])] {
      let want = first + [1, 0, 0.3, 0.4] + fourth + [0, 0]
      let weight = try Self.parameter()
      let layer = try Embedding(weight: weight, maxNorm: 1.5, normType: p)
      try Self.near(layer(looked), first + [1, 0] + first + fourth + [0, 0], "\(layer)")
      try Self.near(weight.value, want, "\(layer)")
      let bags = try EmbeddingBag(weight: Self.parameter(), maxNorm: 1.5, normType: p, mode: .sum)
      let sums = bags(looked, offsets: try Tensor([0, 3] as [Int64], shape: [2]))
      try Self.near(
        sums, [2 * first[0] + 1, 2 * first[1], fourth[0], fourth[1]], "\(bags)")
      try Self.near(bags.weight.value, want, "\(bags)")
    }
  }

  @Test(
    "Limited rows are trained as they are then; a later call may limit others before the gradient comes"
  )
  func maxNormGradients() throws {
    let layer = try Embedding(weight: Self.parameter(), paddingIndex: -2, maxNorm: 1)
    #expect(layer.paddingIndex == 3)
    let (first, second) = try (
      layer(Tensor([0, 3] as [Int64], shape: [2])), layer(Tensor([2, 3] as [Int64], shape: [2]))
    )
    try Self.near(first, [0.6, 0.8, -0.6, 0.8])
    try Self.near(second, [0.3, 0.4, -0.6, 0.8])
    let sum = try Functional.add(first, second)
    try Self.near(Self.gradient(layer.weight, sum), [1, 2, 0, 0, 1, 2, 0, 0, 0, 0])
  }

  @Test("Gradients are divided by frequencies")
  func frequencies() throws {
    let input = try Tensor([0, 1, 0, 3, 0] as [Int64], shape: [5])
    let layer = try Embedding(weight: Self.parameter(), scaleGradByFreq: true)
    try Self.near(Self.gradient(layer.weight, layer(input)), [5, 6, 3, 4, 0, 0, 7, 8, 0, 0])
    let offsets = try Tensor([0, 2] as [Int64], shape: [2])
    func bags(_ mode: EmbeddingBagMode, _ padding: Int? = nil, _ factors: [Float]? = nil) throws
      -> Tensor?
    {
      let layer = try EmbeddingBag(
        weight: Self.parameter(), scaleGradByFreq: true, mode: mode, paddingIndex: padding)
      let weights = try factors.map { try Tensor($0, shape: [5]) }
      return try Self.gradient(
        layer.weight, layer(input, offsets: offsets, perSampleWeights: weights))
    }
    // Row 0 stands in the first bag once and in the second one twice, rows 1 and 3 stand in one bag each.
    try Self.near(bags(.sum), [7 / 3, 10 / 3, 1, 2, 0, 0, 3, 4, 0, 0])
    try Self.near(bags(.sum, 0), [0, 0, 1, 2, 0, 0, 3, 4, 0, 0])
    try Self.near(
      bags(.mean), [(0.5 + 2) / 3, (1 + 8 / 3) / 3, 0.5, 1, 0, 0, 1, 4 / 3, 0, 0])
    try Self.near(
      bags(.sum, nil, [1, 2, 3, 4, 5]), [25 / 3, 34 / 3, 2, 4, 0, 0, 12, 16, 0, 0])
    let largest = EmbeddingBag(5, 2, scaleGradByFreq: true, mode: .max)
    #expect(throws: OctetError.self) { try largest.evaluate(input, offsets: offsets) }
  }

  @Test("Options are printed and copied, impossible ones refused")
  func options() throws {
    let layer = Embedding(5, 2, paddingIndex: -1, maxNorm: 2, normType: 1, scaleGradByFreq: true)
    #expect(
      "\(try layer.copy())"
        == "Embedding(5, 2, paddingIndex: 4, maxNorm: 2.0, normType: 1.0, scaleGradByFreq: true)")
    #expect(try layer.weight.value.elements(as: Float.self)[8...] == [0, 0])
    let index = try Tensor([1] as [Int64], shape: [1])
    for (limit, p) in [(-1, 2), (.nan, 2), (1, .nan)] as [(Double, Double)] {
      let error = #expect(throws: OctetError.self) {
        try Embedding(5, 2, maxNorm: limit, normType: p).evaluate(index)
      }
      #expect(error?.code == .invalidArgument)
    }
    let half = try Self.parameter().value.detached().converted(to: .float16)
    let error = #expect(throws: OctetError.self) {
      try Functional.embedding(index, weight: half, maxNorm: 1)
    }
    #expect(error?.code == .dtypeMismatch)
  }

  @Test("Tables that aren't [N, D] are refused")
  func tables() throws {
    let flat = try Tensor([1, 2] as [Float], shape: [2])
    #expect(throws: OctetError.self) { try Embedding(weight: Parameter(flat)) }
    #expect(throws: OctetError.self) { try EmbeddingBag(weight: Parameter(flat)) }
    let table = try Tensor([1, 2] as [Float], shape: [1, 2])
    #expect(throws: OctetError.self) {
      try EmbeddingBag(weight: Parameter(table), paddingIndex: -2)
    }
  }
}
