import OctetTensor
import OctetTestSupport
import Testing

@Suite("Float32 operators against plain loops in double")
struct FloatOperatorTests {
  @Test(arguments: [(1, 1, 1), (3, 5, 7), (17, 33, 65), (1, 10, 128), (4, 6, 0)])
  func linear(m: Int, n: Int, k: Int) throws {
    let random = TestRandom(1)
    let (a, w, b) = (random.floats(m * k), random.floats(n * k), random.floats(n))
    let y = try Functional.linear(
      Tensor(a, shape: [m, k]), weight: Tensor(w, shape: [n, k]), bias: Tensor(b, shape: [n]))
    let got: [Float] = try y.elements()
    for row in 0..<m {
      for column in 0..<n {
        var sum = Double(b[column])
        for i in 0..<k { sum += Double(a[row * k + i]) * Double(w[column * k + i]) }
        // Each of k products and sums may be off by half a unit of a value below k.
        #expect(abs(Double(got[row * n + column]) - sum) <= Double(k + 1) * Double(k + 1) * 0x1p-24)
      }
    }
  }

  @Test(arguments: 0..<60)
  func convolution(seed: Int) throws {
    let random = TestRandom(UInt64(seed))
    let rank = random.int(1...3)
    var reference = ReferenceConvolution()
    reference.batch = random.int(1...3)
    reference.groups = random.pick([1, 1, 2, 3])
    let groupIn = random.int(1...3)
    reference.inChannels = reference.groups * groupIn
    reference.outChannels = reference.groups * random.int(1...3)
    for d in (3 - rank)..<3 {
      reference.input[d] = random.int(3...9)
      reference.kernel[d] = random.int(1...3)
      reference.stride[d] = random.int(1...3)
      reference.padding[d] = random.int(0...2)
      reference.dilation[d] = random.int(1...2)
    }
    let taps = reference.kernel.reduce(1, *)
    guard reference.output.allSatisfy({ $0 > 0 }) else { return }
    let x = random.floats(reference.batch * reference.inChannels * reference.input.reduce(1, *))
    let w = random.floats(reference.outChannels * groupIn * taps)
    let b = random.floats(reference.outChannels)
    let spatial = 3 - rank
    let y = try Functional.convolution(
      Tensor(x, shape: [reference.batch, reference.inChannels] + reference.input[spatial...]),
      weight: Tensor(w, shape: [reference.outChannels, groupIn] + reference.kernel[spatial...]),
      bias: Tensor(b, shape: [reference.outChannels]),
      stride: Array(reference.stride[spatial...]), padding: Array(reference.padding[spatial...]),
      dilation: Array(reference.dilation[spatial...]), groups: reference.groups)
    #expect(y.shape == [reference.batch, reference.outChannels] + reference.output[spatial...])
    let expected = reference.run({ Double(x[$0]) }, { Double(w[$0]) })
    let got: [Float] = try y.elements()
    let pixels = reference.output.reduce(1, *)
    let depth = Double(groupIn * taps + 1)
    for (i, value) in expected.enumerated() {
      let want = value + Double(b[i / pixels % reference.outChannels])
      #expect(abs(Double(got[i]) - want) <= depth * depth * 0x1p-24)
    }
  }

  @Test func batchNormScalesEachChannel() throws {
    let x = try Tensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [2, 2, 2])
    let y = try Functional.batchNorm(
      x, mean: Tensor([1, 2] as [Float], shape: [2]),
      variance: Tensor([4, 9] as [Float], shape: [2]),
      weight: Tensor([2, 3] as [Float], shape: [2]), bias: Tensor([0, 1] as [Float], shape: [2]),
      epsilon: 0)
    #expect(try y.elements(as: Float.self) == [0, 1, 2, 3, 4, 5, 6, 7])
  }

  @Test func maxPoolIgnoresPaddingAndKeepsNaN() throws {
    let x = try Tensor([-5, -1, -3, .nan, -2, -4, -6, -7, -8] as [Float], shape: [1, 1, 3, 3])
    let y: [Float] = try Functional.maxPool(
      x, kernel: [2, 2], stride: [2, 2], padding: [1, 1]
    ).elements()
    #expect(y.count == 4 && y[0] == -5 && y[1] == -1 && y[2].isNaN && y[3] == -2)
  }

  @Test func maxPoolCeilingDropsWindowsBeyondTheInput() throws {
    let x = try Tensor((0..<5).map { Float($0) }, shape: [1, 1, 5])
    #expect(
      try Functional.maxPool(x, kernel: [2], ceiling: true).elements(as: Float.self) == [1, 3, 4])
    #expect(try Functional.maxPool(x, kernel: [2]).elements(as: Float.self) == [1, 3])
  }

  @Test func argmaxTakesTheFirstOfEquals() throws {
    let x = try Tensor([1, 3, 3, 2, .nan, 5] as [Float], shape: [2, 3])
    #expect(try Functional.argmax(x, dim: 1).elements(as: Int64.self) == [1, 1])
    #expect(try Functional.argmax(x, dim: 0).elements(as: Int64.self) == [1, 1, 1])
  }
}
