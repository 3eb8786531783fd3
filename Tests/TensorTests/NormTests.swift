import OctetTensor
import OctetTestSupport
import Testing

private func integers(_ tensor: Tensor) throws -> [Int] {
  let plain: [Int64] = try tensor.integerRepresentation().converted(to: .int64).elements()
  return plain.map { Int($0) }
}

private func quantized(_ values: [Int], _ shape: [Int], scale: Double, zero: Int) throws -> Tensor {
  try Tensor(
    integers: values.map { UInt8($0) }, shape: shape, dtype: .quint8,
    quantizer: Quantizer(scale: scale, zeroPoint: zero, dtype: .quint8))
}

private func vector(_ values: [Float]) throws -> Tensor {
  try Tensor(values, shape: [values.count])
}

@Suite("Normalization")
struct NormTests {
  /// The rule of layer and group norm on one row of codes.
  private func normalized(
    _ row: [Int], zero: Int, scale: Double, output: (scale: Double, zero: Int), layer: Bool,
    _ gamma: [Float], _ beta: [Float]
  ) -> [Int] {
    let n = Float(row.count)
    let mean = Float(row.reduce(0, +)) / n
    let variance = max(Float(row.reduce(0) { $0 + $1 * $1 }) / n - mean * mean, 0)
    let sx = Float(scale)
    let r = Float(Double(sx) / (Double(variance * sx * sx) + 1e-5).squareRoot())
    return row.indices.map { i in
      let d = (Float(row[i]) - Float(zero)) - (mean - Float(zero))
      let product = layer ? d * r * gamma[i] : d * (r * gamma[i])
      let v = (product + beta[i]) * (1 / Float(output.scale))
      return min(max(Int(v.rounded(.toNearestOrEven)) + output.zero, 0), 255)
    }
  }

  @Test(arguments: [1, 2, 33, 64, 301])
  func layerNormFollowsItsFormula(length: Int) throws {
    let random = TestRandom(UInt64(length))
    var codes = random.bytes(3 * length).map { Int($0) }
    for i in 0..<length { codes[i] = 77 }  // a constant row
    let (gamma, beta) = (random.floats(length), random.floats(length))
    let y = try Functional.quantizedLayerNorm(
      quantized(codes, [3, length], scale: 0.05, zero: 120), normalizedShape: [length],
      weight: vector(gamma), bias: vector(beta), scale: 0.02, zeroPoint: 99)
    let want = (0..<3).flatMap {
      normalized(
        Array(codes[($0 * length)..<(($0 + 1) * length)]), zero: 120, scale: 0.05,
        output: (0.02, 99), layer: true, gamma, beta)
    }
    #expect(try integers(y) == want)
  }

  @Test(arguments: [1, 2, 3, 6])
  func groupNormFollowsItsFormula(groups: Int) throws {
    let random = TestRandom(UInt64(groups))
    let (channels, inner) = (6, 35)
    let codes = random.bytes(2 * channels * inner).map { Int($0) }
    let (gamma, beta) = (random.floats(channels), random.floats(channels))
    let x = try quantized(codes, [2, channels, 5, 7], scale: 0.05, zero: 120)
    let length = channels / groups * inner
    let want = (0..<(2 * groups)).flatMap { row in
      let first = row % groups * (channels / groups)
      return normalized(
        Array(codes[(row * length)..<((row + 1) * length)]), zero: 120, scale: 0.05,
        output: (0.02, 99), layer: false, (0..<length).map { gamma[first + $0 / inner] },
        (0..<length).map { beta[first + $0 / inner] })
    }
    for input in [x, try x.contiguous(.channelsLast)] {
      let y = try Functional.quantizedGroupNorm(
        input, groups: groups, weight: vector(gamma), bias: vector(beta), scale: 0.02,
        zeroPoint: 99)
      #expect(try integers(y) == want)
      guard groups == channels else { continue }
      let instance = try Functional.quantizedInstanceNorm(
        input, weight: vector(gamma), bias: vector(beta), scale: 0.02, zeroPoint: 99)
      #expect(try integers(instance) == want)
    }
  }

  @Test func batchNormIsOneMultiplicationAndOneAddition() throws {
    let random = TestRandom(5)
    let codes = random.bytes(2 * 5 * 12).map { Int($0) }
    let x = try quantized(codes, [2, 5, 3, 4], scale: 0.05, zero: 120)
    let (mean, variance) = (random.floats(5), random.floats(5, in: 0.5...2))
    let (gamma, beta) = (random.floats(5, in: -2...2), random.floats(5))
    for relu in [false, true] {
      let y = try Functional.quantizedBatchNorm(
        x, mean: vector(mean), variance: vector(variance), weight: vector(gamma),
        bias: vector(beta), scale: 0.03, zeroPoint: 100, relu: relu)
      #expect(y.isChannelsLast)
      for (i, got) in try integers(y).enumerated() {
        let c = i / 12 % 5
        let g = 1 / (variance[c] + 1e-5).squareRoot() * gamma[c]
        let alpha = g * (Float(0.05) / Float(0.03))
        let shift = (beta[c] - mean[c] * g) / Float(0.03)
        let product = alpha * Float(codes[i] - 120)
        let v = (product + shift).rounded(.toNearestOrEven)
        #expect(got == min(max(Int(v) + 100, relu ? 100 : 0), 255))
      }
    }
  }

  @Test func realNormsHaveMeanZeroAndVarianceOne() throws {
    let x = try Tensor(TestRandom(6).floats(2 * 4 * 50, in: -3...9), shape: [2, 4, 50])
    let forms = [
      (try Functional.layerNorm(x, normalizedShape: [50]), 50),
      (try Functional.layerNorm(x, normalizedShape: [4, 50]), 200),
      (try Functional.groupNorm(x, groups: 2), 100), (try Functional.instanceNorm(x), 50),
    ]
    for (y, length) in forms {
      let values: [Float] = try y.elements()
      for row in stride(from: 0, to: values.count, by: length) {
        let slice = values[row..<(row + length)].map(Double.init)
        #expect(abs(slice.reduce(0, +)) / Double(length) < 1e-5)
        #expect(abs(slice.reduce(0) { $0 + $1 * $1 } / Double(length) - 1) < 1e-4)
      }
    }
  }

  @Test func realNormsApplyTheAffinePart() throws {
    let x = try Tensor([1, 3, 5, 9] as [Float], shape: [1, 2, 2])
    let layer = try Functional.layerNorm(
      x, normalizedShape: [2], weight: vector([2, 3]), bias: vector([1, -1]), epsilon: 0)
    #expect(try layer.elements(as: Float.self) == [-1, 2, -1, 2])
    let group = try Functional.groupNorm(
      x, groups: 2, weight: vector([2, 3]), bias: vector([1, -1]), epsilon: 0)
    #expect(try group.elements(as: Float.self) == [-1, 3, -4, 2])
  }

  @Test func wrongArgumentsAreRefused() throws {
    let x = try quantized([Int](repeating: 1, count: 48), [2, 6, 4], scale: 1, zero: 0)
    let real = try Tensor(repeating: Float(1), shape: [2, 6, 4])
    func refused(_ argument: String, _ body: () throws -> Tensor) {
      let error = #expect(throws: OctetError.self) { _ = try body() }
      #expect(error?.argument == argument)
    }
    func layer(
      _ x: Tensor, _ shape: [Int], weight: Tensor? = nil, eps: Double = 1, scale: Double = 1,
      zero: Int = 0
    ) throws -> Tensor {
      try Functional.quantizedLayerNorm(
        x, normalizedShape: shape, weight: weight, epsilon: eps, scale: scale, zeroPoint: zero)
    }
    refused("input") { try layer(x, [5]) }
    refused("input") { try layer(x, []) }
    refused("input") { try layer(real, [4]) }
    refused("scale") { try layer(x, [4], scale: 0) }
    refused("zero_point") { try layer(x, [4], zero: 256) }
    refused("weight") { try layer(x, [4], weight: vector([1, 2])) }
    refused("eps") { try layer(x, [4], eps: -1) }
    refused("input") { try Functional.layerNorm(x, normalizedShape: [4]) }
    refused("num_groups") { try Functional.groupNorm(real, groups: 4) }
    refused("num_groups") { try Functional.groupNorm(real, groups: 0) }
    refused("input") { try Functional.instanceNorm(real.flatten(from: 1)) }
    refused("input") {
      try Functional.quantizedGroupNorm(real, groups: 2, scale: 1, zeroPoint: 0)
    }
    let six = try Tensor(repeating: Float(1), shape: [6])
    func batch(_ x: Tensor, _ mean: Tensor, scale: Double = 1) throws -> Tensor {
      try Functional.quantizedBatchNorm(
        x, mean: mean, variance: six, weight: six, bias: six, scale: scale, zeroPoint: 0)
    }
    refused("running_mean") { try batch(x, vector([1, 2])) }
    refused("input") { try batch(real, six) }
    refused("scale") { try batch(x, six, scale: .nan) }
  }
}
