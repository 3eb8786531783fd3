import OctetTensor
import OctetTestSupport
import Testing

/// Kernels that take several operators in one go, held against these one by one.
@Suite("Steps joined in one kernel")
struct JoinedStepTests {
  private func bytes(_ x: Tensor) throws -> [UInt8] { try x.contiguous().withBytes { Array($0) } }

  private func floats(_ shape: [Int], _ random: TestRandom) throws -> Tensor {
    try Tensor(random.floats(shape.reduce(1, *), in: -2...2), shape: shape)
  }

  @Test func headsSideBySide() throws {
    let random = TestRandom(1)
    for _ in 0..<60 {
      let (heads, size) = (random.int(1...3), random.int(1...9))
      let (length, keys, batch) = (random.int(1...30), random.int(0...40), random.int(1...3))
      func operand(_ rows: Int) throws -> Tensor {
        let columns = heads * size
        switch random.int(0...2) {
        case 0: return try floats([rows, batch, columns], random)
        case 1: return try floats([batch, rows, columns], random).transposed(0, 1)
        default: return try floats([columns, batch, rows], random).transposed(0, 2)
        }
      }
      let (q, k, v) = (try operand(length), try operand(keys), try operand(keys))
      let shapes = [
        [batch, heads, length, keys], [1, 1, length, keys], [batch, 1, 1, keys], [1, heads, 1, 1],
      ]
      let mask = random.int(0...1) == 0 ? nil : try floats(random.pick(shapes), random)
      let got = try Functional.headAttention(q, k, v, heads: heads, scale: 0.7, mask: mask)
      #expect(got.shape == [length, batch, heads * size])

      func split(_ x: Tensor) throws -> Tensor {
        try x.contiguous().view([x.shape[0], batch, heads, size]).permuted([1, 2, 0, 3])
      }
      var scores = try Functional.matmul(
        split(Functional.multiplyScalar(q, 0.7)), split(k).transposed(2, 3))
      if let mask { scores = try Functional.add(scores, mask) }
      let output = try Functional.matmul(Functional.softmax(scores, dim: -1), split(v))
      let want = try output.permuted([2, 0, 1, 3]).contiguous().view(got.shape)
      #expect(try bytes(got) == bytes(want))
    }
  }

  @Test func layerNormOfASum() throws {
    let random = TestRandom(2)
    for _ in 0..<40 {
      let shape = [random.int(1...4), random.int(1...3), random.int(1...70)]
      let (x, y) = (
        try floats(shape, random), try floats(shape.reversed(), random).transposed(0, 2)
      )
      let tail = Array(shape.suffix(random.int(1...2)))
      let weight = random.int(0...1) == 0 ? nil : try floats(tail, random)
      let bias = random.int(0...1) == 0 ? nil : try floats(tail, random)
      let joined = try Functional.layerNorm(
        x, adding: y, normalizedShape: tail, weight: weight, bias: bias, epsilon: 1e-5)
      let want = try Functional.layerNorm(
        Functional.add(x, y), normalizedShape: tail, weight: weight, bias: bias, epsilon: 1e-5)
      #expect(try bytes(joined) == bytes(want))
    }
    let x = try floats([2, 4], random)
    let error = #expect(throws: OctetError.self) {
      try Functional.layerNorm(
        x, adding: floats([4], random), normalizedShape: [4], weight: nil, bias: nil, epsilon: 1)
    }
    #expect(error?.argument == "other")
  }
}
