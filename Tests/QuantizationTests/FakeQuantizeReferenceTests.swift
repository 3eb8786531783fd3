import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

/// Fake quantizers against plain loops in double: values, straight-through masks, and the gradients of learnt scales.
@Suite("Fake quantizers against plain loops in double")
struct FakeQuantizeReferenceTests {
  /// A tensor of channels along an axis, with a grid for each.
  private struct Draw {
    let shape: [Int]
    let axis: Int
    let values: [Float]
    let scales: [Float]
    let zeros: [Int]
    let low: Int
    let high: Int
    let isPermuted: Bool

    /// Scales are powers of two, so that `x / scale` is exact and a tie is a tie; a share of the values lies on ties and ends.
    init(_ random: TestRandom, perChannel: Bool) {
      let sizes = (0..<random.int(1...4)).map { _ in random.int(0...15) == 0 ? 0 : random.int(1...4)
      }
      shape = sizes
      axis = random.int(0...(sizes.count - 1))
      let count = perChannel ? sizes[axis] : 1
      let range = random.pick([(0, 255), (-128, 127), (0, 15), (-4, 3)])
      (low, high) = range
      scales = (0..<count).map { _ in random.pick([0x1p-6, 0x1p-3, 0.5, 1]) }
      zeros = (0..<count).map { _ in random.int(range.0...range.1) }
      let steps = random.floats(sizes.reduce(1, *), in: -300...300)
      let extremes: [Float] = [0, -0.0, 0.5, -0.5, 1.5, 2.5, 127.5, -128.5, 254.5, 255.5, 0x1p-140]
      let inner = sizes[(axis + 1)...].reduce(1, *)
      let scales = scales
      values = steps.enumerated().map { i, step in
        let scale = scales[count == 1 ? 0 : i / max(inner, 1) % count]
        return (random.int(0...2) == 0 ? random.pick(extremes) : step) * scale
      }
      isPermuted = random.int(0...1) == 0
    }

    func channel(_ i: Int) -> Int {
      scales.count == 1 ? 0 : i / max(shape[(axis + 1)...].reduce(1, *), 1) % scales.count
    }

    func tensor(_ dtype: DType) throws -> Tensor {
      let dense = try Tensor(values, shape: shape).converted(to: dtype)
      let order = Array(shape.indices.reversed())
      return isPermuted ? try dense.permuted(order).clone(.contiguous).permuted(order) : dense
    }
  }

  /// The integer before clamping.
  private func code(_ x: Double, _ scale: Float, _ zero: Int) -> Double {
    (x / Double(scale)).rounded(.toNearestOrEven) + Double(zero)
  }

  @Test(
    "Values and masks, dense and permuted, per tensor and per channel", arguments: [false, true])
  func straightThrough(perChannel: Bool) throws {
    let random = TestRandom(perChannel ? 41 : 43)
    for _ in 0..<500 {
      let draw = Draw(random, perChannel: perChannel)
      for dtype in [DType.float32, .float64] {
        let x = try draw.tensor(dtype)
        x.requiresGrad = true
        let y =
          perChannel
          ? try Functional.fakeQuantizePerChannelAffine(
            x, scales: draw.scales, zeroPoints: .integer(draw.zeros), axis: draw.axis,
            quantMin: draw.low, quantMax: draw.high)
          : try Functional.fakeQuantizePerTensorAffine(
            x, scale: Double(draw.scales[0]), zeroPoint: draw.zeros[0], quantMin: draw.low,
            quantMax: draw.high)
        #expect(y.shape == draw.shape && y.dtype == dtype)
        let flowing = random.floats(draw.values.count)
        try y.backward(Tensor(flowing, shape: draw.shape).converted(to: dtype))
        let got: [Double] = try y.converted(to: .float64).elements()
        let gradient: [Double] = try #require(x.gradient).converted(to: .float64).elements()
        for (i, value) in draw.values.enumerated() {
          let (scale, zero) = (draw.scales[draw.channel(i)], draw.zeros[draw.channel(i)])
          let q = code(Double(value), scale, zero)
          // Steps of a power of two: nothing rounds but the integer.
          let ends = (Double(draw.low), Double(draw.high))
          let want = (min(max(q, ends.0), ends.1) - Double(zero)) * Double(scale)
          #expect(got[i] == want, "\(dtype): \(value) by \(scale), \(zero)")
          let passes = q >= ends.0 && q <= ends.1
          #expect(gradient[i] == (passes ? Double(flowing[i]) : 0), "\(dtype): \(value)")
        }
      }
    }
  }

  @Test("Learnt scales and zero points", arguments: [false, true])
  func learnt(perChannel: Bool) throws {
    let random = TestRandom(perChannel ? 47 : 53)
    for _ in 0..<300 {
      let draw = Draw(random, perChannel: perChannel)
      let x = try draw.tensor(.float32)
      let scale = try Tensor(draw.scales, shape: [draw.scales.count])
      let zero = try Tensor(draw.zeros.map { Float($0) }, shape: [draw.zeros.count])
      for leaf in [x, scale, zero] { leaf.requiresGrad = true }
      let y =
        perChannel
        ? try Functional.fakeQuantizeLearnablePerChannelAffine(
          x, scale: scale, zeroPoint: zero, axis: draw.axis, quantMin: draw.low,
          quantMax: draw.high, gradientFactor: 0.5)
        : try Functional.fakeQuantizeLearnablePerTensorAffine(
          x, scale: scale, zeroPoint: zero, quantMin: draw.low, quantMax: draw.high,
          gradientFactor: 0.5)
      let flowing = random.floats(draw.values.count)
      try y.backward(Tensor(flowing, shape: draw.shape))
      var scales = [Double](repeating: 0, count: draw.scales.count)
      var (zeros, magnitudes) = (scales, scales)
      let got: [Float] = try y.elements()
      let gradient: [Float] = try #require(x.gradient).elements()
      for (i, value) in draw.values.enumerated() {
        let c = draw.channel(i)
        let (s, z, dy) = (Double(draw.scales[c]), Double(draw.zeros[c]), Double(flowing[i]))
        let (low, high) = (Double(draw.low), Double(draw.high))
        let q = code(Double(value), draw.scales[c], draw.zeros[c])
        #expect(Double(got[i]) == (min(max(q, low), high) - z) * s)
        // On the way back ties are found behind the zero point.
        let back = (Double(value) / s + z).rounded(.toNearestOrEven)
        let passes = back >= low && back <= high
        #expect(gradient[i] == (passes ? flowing[i] : 0))
        let slope = passes ? back - z - Double(value) / s : (back > high ? high : low) - z
        scales[c] += 0.5 * dy * slope
        magnitudes[c] += abs(dy * slope) + abs(dy) * s
        if !passes { zeros[c] -= 0.5 * dy * s }
      }
      // Each term rounds three times, the sum once; `x / scale + zero` lies on the other side of a tie no more than a rounding away.
      for (found, wanted) in [(scale, scales), (zero, zeros)] {
        let values: [Float] = try #require(found.gradient).elements()
        for c in wanted.indices {
          #expect(abs(Double(values[c]) - wanted[c]) <= 4 * 0x1p-24 * magnitudes[c] + 0x1p-140)
        }
      }
    }
  }
}
