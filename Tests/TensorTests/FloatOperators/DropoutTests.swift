import OctetTensor
import OctetTestSupport
import Testing

@Suite("Dropout: who becomes zero is chance, everything else is exact")
struct DropoutTests {
  private func drop(_ x: Tensor, p: Double, seed: UInt64) throws -> Tensor {
    try RandomSource.$shared.withValue(RandomSource(seed: seed)) {
      try Functional.dropout(x, p: p)
    }
  }

  @Test("Each element is 0, or the element times 1 / (1 - p), and its gradient likewise")
  func scale() throws {
    let random = TestRandom(31)
    for seed in 0..<200 {
      let p = random.pick([0.1, 0.25, 0.5, 0.9])
      let grid = random.grid(random.shape(random.int(0...4)), in: 0.5...2)
      let order = random.int(0...1) == 0 ? Array((0..<grid.shape.count).reversed()) : nil
      let x = try Tensor.of(grid, order: order)
      x.requiresGrad = true
      let y = try drop(x, p: p, seed: UInt64(seed))
      #expect(y.shape == grid.shape)
      let kept: [Float] = try y.elements()
      let factor = Float(1 / (1 - p))
      for (value, element) in zip(kept, grid.values) {
        #expect(value == 0 || value == Float(element) * factor)
      }
      // How elements lie in memory decides nothing.
      #expect(try drop(Tensor.of(grid), p: p, seed: UInt64(seed)).elements() == kept)
      let flowing = random.grid(grid.shape, in: 0.5...2)
      try y.backward(Tensor.of(flowing, order: order))
      let gradient: [Float] = try #require(x.gradient).elements()
      for i in kept.indices {
        #expect(gradient[i] == (kept[i] == 0 ? 0 : Float(flowing.values[i]) * factor))
      }
    }
  }

  @Test("The share of zeros is p, and neighbours don't know of each other")
  func shares() throws {
    let count = 100_000
    let x = try Tensor(repeating: Float(1), shape: [count])
    for (seed, p) in [0.1, 0.5, 0.8].enumerated() {
      let y: [Float] = try drop(x, p: p, seed: UInt64(seed + 7)).elements()
      // Five standard deviations of a binomial count.
      func expectShare(_ found: Int, _ share: Double, of count: Int) {
        let deviation = (Double(count) * share * (1 - share)).squareRoot()
        #expect(abs(Double(found) - Double(count) * share) <= 5 * deviation)
      }
      expectShare(y.count { $0 == 0 }, p, of: count)
      let pairs = stride(from: 0, to: count, by: 2)
      expectShare(pairs.count { y[$0] == 0 && y[$0 + 1] == 0 }, p * p, of: count / 2)
      #expect(try drop(x, p: p, seed: UInt64(seed + 8)).elements() != y)
    }
  }

  @Test("At the ends nothing or everything is zero; outside training nothing happens")
  func ends() throws {
    let values: [Float] = [1, -.infinity, .nan, -0.0]
    let x = try Tensor(values, shape: [2, 2])
    let all: [Float] = try drop(x, p: 1, seed: 3).elements()
    #expect(all == [0, 0, 0, 0])
    for y in [try drop(x, p: 0, seed: 3), try Functional.dropout(x, p: 0.9, training: false)] {
      let kept: [Float] = try y.elements()
      #expect(kept.map(\.bitPattern) == values.map(\.bitPattern))
    }
  }

  @Test("Half types have float32's zeros, rounded once")
  func halves() throws {
    let random = TestRandom(37)
    for dtype in [DType.float16, .bfloat16] {
      let x = try Tensor.of(random.grid([64], in: 0.5...2), dtype: dtype)
      let narrow = try drop(x, p: 0.3, seed: 5)
      let wide = try drop(x.converted(to: .float32), p: 0.3, seed: 5).converted(to: dtype)
      #expect(narrow.dtype == dtype)
      let values: [Float] = try narrow.converted(to: .float32).elements()
      #expect(try wide.converted(to: .float32).elements() == values)
    }
  }
}
