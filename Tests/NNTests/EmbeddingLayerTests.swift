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

  @Test("Tables that aren't [N, D] are refused")
  func tables() throws {
    let flat = try Tensor([1, 2] as [Float], shape: [2])
    #expect(throws: OctetError.self) { try Embedding(weight: Parameter(flat)) }
    #expect(throws: OctetError.self) { try EmbeddingBag(weight: Parameter(flat)) }
    let table = try Tensor([1, 2] as [Float], shape: [1, 2])
    #expect(throws: OctetError.self) {
      try EmbeddingBag(weight: Parameter(table), paddingIndex: -1)
    }
  }
}
