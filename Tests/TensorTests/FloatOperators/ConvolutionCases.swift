import OctetTensor
import OctetTestSupport

/// The attributes of a drawn convolution, and the sizes of its operands.
private struct Convolving {
  let kernel: [Int]
  let stride: [Int]
  let padding: [Int]
  let dilation: [Int]
  let groups: Int
  /// Channels of a group, in and out.
  let (from, to): (Int, Int)
  let input: [Int]
  let images: Int
  let scales: (Double, Double)

  init(_ random: TestRandom, rank: Int) {
    func list(_ range: ClosedRange<Int>) -> [Int] { (0..<rank).map { _ in random.int(range) } }
    // Sizes beyond the kernels' tiles, now and then.
    let isLarge = random.int(0...9) == 0
    kernel = list(1...3)
    stride = list(1...3)
    padding = list(0...2)
    dilation = list(1...2)
    groups = isLarge ? random.pick([1, 18]) : random.int(1...3)
    (from, to) =
      isLarge && groups == 1
      ? (random.int(15...20), random.int(15...20))
      : (random.int(1...2), random.int(1...2))
    images = random.int(0...15) == 0 ? 0 : random.int(1...2)
    let (k, p, d) = (kernel, padding, dilation)
    let more = isLarge && rank == 1 ? 20 : 2
    input = (0..<rank).map { i in
      let least: Int = d[i] * (k[i] - 1) + 1 - 2 * p[i]
      return max(least, 1) + random.int(0...more)
    }
    scales = (random.magnitude(), random.magnitude())
  }

  func operands(_ random: TestRandom, weight: [Int], bias: Int) -> [Grid] {
    let x = random.operand([images, groups * from] + input, times: scales.0)
    let w = random.operand(weight + kernel, times: scales.1)
    if random.int(0...2) == 0 { return [x, w] }
    return [x, w, random.operand([bias], times: scales.0 * scales.1)]
  }

  var isSmooth: Bool { scales == (1, 1) }

  /// Elements under the kernel, from the first to the last.
  private func extent(_ d: Int) -> Int { dilation[d] * (kernel[d] - 1) + 1 }

  func outputSize(_ d: Int) -> Int {
    let room: Int = input[d] + 2 * padding[d] - extent(d)
    return room / stride[d] + 1
  }

  /// Without what is added at the end.
  func transposedSize(_ d: Int) -> Int {
    let reach: Int = (input[d] - 1) * stride[d] + extent(d)
    return reach - 2 * padding[d]
  }

  /// Where a tap of the kernel lies for output position `o`.
  func place(_ o: Int, _ tap: Int, _ d: Int) -> Int {
    o * stride[d] - padding[d] + tap * dilation[d]
  }

  /// The input position whose tap reaches the transposed convolution's output `o`, nil if there is none.
  func source(_ o: Int, _ tap: Int, _ d: Int) -> Int? {
    let reach: Int = o + padding[d] - tap * dilation[d]
    guard reach >= 0, reach % stride[d] == 0, reach / stride[d] < input[d] else { return nil }
    return reach / stride[d]
  }
}

private func convolution(rank: Int) -> FloatCase {
  FloatCase(name: "conv\(rank)d", hasDouble: false) { random in
    let c = Convolving(random, rank: rank)
    let size = c.input.indices.map(c.outputSize)
    let taps = Grid.indices(c.kernel)
    return FloatCase.Draw(
      inputs: c.operands(random, weight: [c.groups * c.to, c.from], bias: c.groups * c.to),
      isSmooth: c.isSmooth,
      reference: { inputs in
        BoundedGrid([c.images, c.groups * c.to] + size) { index in
          var sum = BoundedSum()
          for tap in taps {
            let place = tap.indices.map { c.place(index[$0 + 2], tap[$0], $0) }
            guard (0..<rank).allSatisfy({ (0..<c.input[$0]).contains(place[$0]) }) else { continue }
            for i in 0..<c.from {
              let channel = index[1] / c.to * c.from + i
              sum.add(inputs[0][[index[0], channel] + place], inputs[1][[index[1], i] + tap])
            }
          }
          if inputs.count > 2 { sum.add(inputs[2].values[index[1]]) }
          return sum.result
        }
      },
      run: {
        try Functional.convolution(
          $0[0], weight: $0[1], bias: $0.count > 2 ? $0[2] : nil, stride: c.stride,
          padding: c.padding, dilation: c.dilation, groups: c.groups)
      })
  }
}

private func transposed(rank: Int) -> FloatCase {
  FloatCase(name: "conv_transpose\(rank)d", hasDouble: false) { random in
    var c = Convolving(random, rank: rank)
    while !c.input.indices.allSatisfy({ c.transposedSize($0) > 0 }) {
      c = Convolving(random, rank: rank)
    }
    let drawn = c
    let extra = (0..<rank).map { random.int(0...(max(drawn.stride[$0], drawn.dilation[$0]) - 1)) }
    let size = drawn.input.indices.map { drawn.transposedSize($0) + extra[$0] }
    let taps = Grid.indices(c.kernel)
    return FloatCase.Draw(
      inputs: c.operands(random, weight: [c.groups * c.from, c.to], bias: c.groups * c.to),
      isSmooth: c.isSmooth,
      reference: { inputs in
        BoundedGrid([drawn.images, drawn.groups * drawn.to] + size) { index in
          var sum = BoundedSum()
          for tap in taps {
            let place = tap.indices.compactMap { drawn.source(index[$0 + 2], tap[$0], $0) }
            guard place.count == rank else { continue }
            for i in 0..<drawn.from {
              let channel = index[1] / drawn.to * drawn.from + i
              sum.add(
                inputs[0][[index[0], channel] + place],
                inputs[1][[channel, index[1] % drawn.to] + tap])
            }
          }
          if inputs.count > 2 { sum.add(inputs[2].values[index[1]]) }
          return sum.result
        }
      },
      run: {
        try Functional.transposedConvolution(
          $0[0], weight: $0[1], bias: $0.count > 2 ? $0[2] : nil, stride: drawn.stride,
          padding: drawn.padding, outputPadding: extra, dilation: drawn.dilation,
          groups: drawn.groups)
      })
  }
}

/// Convolutions and transposed ones over one to three dimensions.
let convolutionCases: [FloatCase] = (1...3).map(convolution) + (1...3).map(transposed)
