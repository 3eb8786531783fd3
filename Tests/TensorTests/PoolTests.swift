import OctetTensor
import OctetTestSupport
import Testing

private func codes(_ shape: [Int], _ random: TestRandom, zero: Int, signed: Bool) throws -> (
  tensor: Tensor, values: [Int]
) {
  let count = shape.reduce(1, *)
  let dtype: DType = signed ? .qint8 : .quint8
  let quantizer = try Quantizer(scale: 0.1, zeroPoint: zero, dtype: dtype)
  if signed {
    let values = random.signedBytes(count)
    let tensor = try Tensor(integers: values, shape: shape, dtype: dtype, quantizer: quantizer)
    return (tensor, values.map { Int($0) })
  }
  let values = random.bytes(count)
  let tensor = try Tensor(integers: values, shape: shape, dtype: dtype, quantizer: quantizer)
  return (tensor, values.map { Int($0) })
}

private func integers(_ tensor: Tensor) throws -> [Int] {
  let plain: [Int64] = try tensor.integerRepresentation().converted(to: .int64).elements()
  return plain.map { Int($0) }
}

@Suite("Average pools")
struct AveragePoolTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let seed: Int
    var rank: Int { 1 + seed % 3 }
    var signed: Bool { seed % 2 == 1 }
    var channelsLast: Bool { seed % 4 < 2 }
    var testDescription: String { "\(seed)" }
  }

  /// The window's positions inside `size`, and what it counts for with the padding.
  private func span(_ o: Int, _ k: Int, _ s: Int, _ p: Int, _ size: Int) -> (Range<Int>, Int) {
    let start = o * s - p
    let end = min(start + k, size + p)
    return (max(start, 0)..<min(end, size), end - start)
  }

  @Test(arguments: (0..<48).map { Case(seed: $0) })
  func quantizedMeansRoundInTheOrderOfTheLayout(_ c: Case) throws {
    let random = TestRandom(UInt64(c.seed))
    let (rank, channels) = (c.rank, random.int(1...5))
    let size = (0..<rank).map { _ in random.int(3...7) }
    let kernel = (0..<rank).map { _ in random.int(1...3) }
    let stride = (0..<rank).map { _ in random.int(1...2) }
    let padding = kernel.map { random.int(0...($0 / 2)) }
    let counts = random.int(0...1) == 1
    let zero = c.signed ? -7 : 61
    let x = try codes([2, channels] + size, random, zero: zero, signed: c.signed)
    let input = c.channelsLast ? try x.tensor.contiguous(.channelsLast) : x.tensor
    let y = try Functional.avgPool(
      input, kernel: kernel, stride: stride, padding: padding, countIncludePad: counts)
    #expect(y.quantizer == x.tensor.quantizer)
    #expect(y.isChannelsLast == input.isChannelsLast || y.isContiguous)
    let got = try integers(y)
    let out = Array(y.shape[2...])
    let last = rank == 3 || input.isChannelsLast
    for (i, value) in got.enumerated() {
      var rest = i
      var spans: [(Range<Int>, Int)] = []
      for d in (0..<rank).reversed() {
        spans.insert(span(rest % out[d], kernel[d], stride[d], padding[d], size[d]), at: 0)
        rest /= out[d]
      }
      var positions = [0]
      for d in 0..<rank {
        positions = positions.flatMap { base in spans[d].0.map { base * size[d] + $0 } }
      }
      let plane = rest * size.reduce(1, *)
      let sum = positions.reduce(0) { $0 + x.values[plane + $1] - zero }
      let n = counts ? spans.map(\.1).reduce(1, *) : positions.count
      let product = Float(sum) * Float(1 / Double(n))
      let rounded =
        last
        ? Int(product.rounded(.toNearestOrEven)) + zero
        : Int((product + Float(zero)).rounded(.toNearestOrEven))
      #expect(value == min(max(rounded, c.signed ? -128 : 0), c.signed ? 127 : 255))
    }
  }

  @Test func bothOrdersDifferAtATie() throws {
    let quantizer = try Quantizer(scale: 1, zeroPoint: 61, dtype: .quint8)
    let bytes: [UInt8] = [62, 61, 62, 61, 62, 61, 62, 61]
    let x = try Tensor(integers: bytes, shape: [1, 2, 2, 2], dtype: .quint8, quantizer: quantizer)
    // The mean is half a step above 61: 61.5 is even at 62, 0.5 at 0.
    #expect(try integers(Functional.avgPool(x, kernel: [2, 2])) == [62, 62])
    let last = try x.contiguous(.channelsLast)
    #expect(try integers(Functional.avgPool(last, kernel: [2, 2])) == [61, 61])
    #expect(try integers(Functional.adaptiveAvgPool(x, outputSize: [1, 1])) == [62, 62])
    #expect(try integers(Functional.adaptiveAvgPool(last, outputSize: [1, 1])) == [61, 61])
  }

  @Test func adaptiveWindowsDivideTheInputEvenly() throws {
    let x = try Tensor((0..<10).map(Float.init), shape: [1, 1, 10])
    let y = try Functional.adaptiveAvgPool(x, outputSize: [4])
    // Windows 0..<3, 2..<5, 5..<8, 7..<10.
    #expect(try y.elements(as: Float.self) == [1, 3, 6, 8])
    let kept = try Functional.adaptiveAvgPool(
      Tensor((0..<12).map(Float.init), shape: [1, 3, 4]), outputSize: [nil, 1])
    #expect(kept.shape == [1, 3, 1])
    #expect(try kept.elements(as: Float.self) == [1.5, 5.5, 9.5])
  }

  @Test func realMeansHonourPaddingAndDivisor() throws {
    let x = try Tensor([1, 2, 3, 4] as [Float], shape: [1, 1, 4])
    func run(_ counts: Bool, _ divisor: Int?) throws -> [Float] {
      try Functional.avgPool(
        x, kernel: [2], stride: [2], padding: [1], countIncludePad: counts, divisor: divisor
      ).elements()
    }
    #expect(try run(true, nil) == [0.5, 2.5, 2])
    #expect(try run(false, nil) == [1, 2.5, 4])
    #expect(try run(true, 5) == [0.2, 1, 0.8])
  }

  @Test func aConstantStaysItself() throws {
    for zero in [0, 3, 255] {
      let quantizer = try Quantizer(scale: 0.5, zeroPoint: zero, dtype: .quint8)
      let x = try Tensor(
        integers: [UInt8](repeating: 200, count: 180), shape: [1, 5, 6, 6], dtype: .quint8,
        quantizer: quantizer)
      for input in [x, try x.contiguous(.channelsLast)] {
        let y = try Functional.avgPool(
          input, kernel: [3, 3], padding: [1, 1], countIncludePad: false)
        #expect(try integers(y).allSatisfy { $0 == 200 })
        let z = try Functional.adaptiveAvgPool(input, outputSize: [4, 5])
        #expect(try integers(z).allSatisfy { $0 == 200 })
      }
    }
  }

  @Test func wrongArgumentsAreRefused() throws {
    let x = try codes([1, 3, 6, 6], TestRandom(1), zero: 4, signed: false).tensor
    func refused(_ argument: String, _ body: () throws -> Tensor) {
      let error = #expect(throws: OctetError.self) { _ = try body() }
      #expect(error?.argument == argument)
    }
    refused("padding") { try Functional.avgPool(x, kernel: [2, 2], padding: [2, 2]) }
    refused("padding") { try Functional.maxPool(x, kernel: [2, 2], padding: [2, 2]) }
    refused("input") { try Functional.avgPool(x, kernel: [7, 7]) }
    refused("input") { try Functional.maxPool(x, kernel: [7, 7]) }
    refused("stride") { try Functional.avgPool(x, kernel: [2, 2], stride: [0, 1]) }
    refused("stride") { try Functional.maxPool(x, kernel: [2, 2], stride: [0, 1]) }
    refused("divisor_override") { try Functional.avgPool(x, kernel: [2, 2], divisor: 0) }
    refused("kernel_size") { try Functional.avgPool(x, kernel: []) }
    refused("input") { try Functional.avgPool(x, kernel: [2]) }
    refused("input") { try Functional.adaptiveAvgPool(x, outputSize: [2]) }
    refused("output_size") { try Functional.adaptiveAvgPool(x, outputSize: [0, 2]) }
    refused("output_size") { try Functional.adaptiveAvgPool(x, outputSize: []) }
    let integers = try Tensor([1, 2] as [Int32], shape: [1, 1, 2])
    refused("input") { try Functional.avgPool(integers, kernel: [1]) }
    refused("input") { try Functional.adaptiveAvgPool(integers, outputSize: [1]) }
    let quantizer = try Quantizer(
      scales: [1, 2], zeroPoints: [0, 0], axis: 1, shape: [1, 2, 2], dtype: .quint8)
    let channels = try Tensor(
      integers: [1, 2, 3, 4] as [UInt8], shape: [1, 2, 2], dtype: .quint8, quantizer: quantizer)
    refused("input") { try Functional.avgPool(channels, kernel: [1]) }
    refused("input") { try Functional.adaptiveAvgPool(channels, outputSize: [1]) }
  }
}

@Suite("Interpolation")
struct InterpolationTests {
  @Test func nearestRepeatsPixels() throws {
    let x = try codes([2, 3, 2, 3], TestRandom(2), zero: 9, signed: true)
    for input in [x.tensor, try x.tensor.contiguous(.channelsLast)] {
      let y = try Functional.interpolate(input, scaleFactor: [2])
      #expect(y.shape == [2, 3, 4, 6] && y.quantizer == x.tensor.quantizer)
      let got = try integers(y)
      for (i, value) in got.enumerated() {
        let (w, h, plane) = (i % 6, i / 6 % 4, i / 24)
        #expect(value == x.values[plane * 6 + h / 2 * 3 + w / 2])
      }
    }
  }

  @Test func nearestModesDifferByHalfAPixel() throws {
    let x = try Tensor((0..<5).map(Float.init), shape: [1, 1, 5])
    #expect(try Functional.interpolate(x, size: [3]).elements(as: Float.self) == [0, 1, 3])
    let exact = try Functional.interpolate(x, size: [3], mode: .nearestExact)
    #expect(try exact.elements(as: Float.self) == [0, 2, 4])
  }

  @Test func linearGoesThroughTheCorners() throws {
    let x = try Tensor([0, 10] as [Float], shape: [1, 1, 2])
    let aligned = try Functional.interpolate(x, size: [5], mode: .linear, alignCorners: true)
    #expect(try aligned.elements(as: Float.self) == [0, 2.5, 5, 7.5, 10])
    let centred = try Functional.interpolate(x, scaleFactor: [2], mode: .linear)
    #expect(try centred.elements(as: Float.self) == [0, 2.5, 7.5, 10])
  }

  @Test(arguments: 0..<20)
  func bilinearOfIntegersIsTheRoundedBlend(seed: Int) throws {
    let random = TestRandom(UInt64(seed))
    let shape = [1, random.int(2...40), random.int(2...6), random.int(2...6)]
    let x = try codes(shape, random, zero: 100, signed: false)
    let size = [random.int(2...11), random.int(2...11)]
    let aligned = seed % 2 == 0
    let y = try Functional.interpolate(x.tensor, size: size, mode: .bilinear, alignCorners: aligned)
    let real = try Functional.interpolate(
      Tensor(x.values.map { Float($0) }, shape: shape), size: size, mode: .bilinear,
      alignCorners: aligned)
    let blends: [Float] = try real.elements()
    for (got, blend) in zip(try integers(y), blends) {
      #expect(got == Int((blend - 100).rounded(.toNearestOrEven)) + 100)
    }
  }

  @Test func trilinearBlendsEightCorners() throws {
    let x = try Tensor((0..<8).map(Float.init), shape: [1, 1, 2, 2, 2])
    let y = try Functional.interpolate(x, size: [3, 3, 3], mode: .trilinear, alignCorners: true)
    let got: [Float] = try y.elements()
    #expect(got[13] == 3.5)
    #expect(got[0] == 0 && got[26] == 7)
  }

  @Test func areaIsAdaptivePooling() throws {
    let x = try codes([1, 2, 6, 9], TestRandom(3), zero: 9, signed: false).tensor
    let area = try Functional.interpolate(x, size: [4, 4], mode: .area)
    #expect(
      try integers(area) == integers(Functional.adaptiveAvgPool(x, outputSize: [4, 4])))
  }

  @Test func olderNamesAreTheSameFunction() throws {
    let x = try codes([1, 2, 5, 4], TestRandom(4), zero: 9, signed: false).tensor
    #expect(
      try integers(Functional.upsampleNearest(x, size: [7, 8]))
        == integers(Functional.interpolate(x, size: [7, 8])))
    #expect(
      try integers(Functional.upsampleBilinear(x, scaleFactor: [2]))
        == integers(
          Functional.upsample(x, scaleFactor: [2, 2], mode: .bilinear, alignCorners: true)))
  }

  @Test func wrongArgumentsAreRefused() throws {
    let x = try codes([1, 2, 5, 4], TestRandom(5), zero: 9, signed: false).tensor
    func refused(_ argument: String, _ body: () throws -> Tensor) {
      let error = #expect(throws: OctetError.self) { _ = try body() }
      #expect(error?.argument == argument)
    }
    refused("size") { try Functional.interpolate(x) }
    refused("size") { try Functional.interpolate(x, size: [2, 2], scaleFactor: [2]) }
    refused("size") { try Functional.interpolate(x, size: [0, 2]) }
    refused("size") { try Functional.interpolate(x, size: [1, 2, 3]) }
    refused("scale_factor") { try Functional.interpolate(x, scaleFactor: [0.1]) }
    refused("scale_factor") { try Functional.interpolate(x, scaleFactor: [.nan]) }
    refused("scale_factor") { try Functional.interpolate(x, scaleFactor: [.infinity]) }
    refused("scale_factor") { try Functional.interpolate(x, scaleFactor: [1, 2, 3]) }
    refused("mode") { try Functional.interpolate(x, size: [2], mode: .linear) }
    refused("mode") { try Functional.interpolate(x, size: [2], mode: .trilinear) }
    refused("align_corners") { try Functional.interpolate(x, size: [2], alignCorners: true) }
    refused("input") { try Functional.interpolate(x.flatten(), size: [2]) }
    let deep = try codes([1, 2, 2, 2, 2], TestRandom(6), zero: 9, signed: false).tensor
    refused("mode") { try Functional.interpolate(deep, size: [3], mode: .trilinear) }
  }
}
