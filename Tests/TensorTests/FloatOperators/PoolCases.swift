import OctetTensor
import OctetTestSupport

/// Whether no two values lie within a step of the differences.
private func isSpread(_ x: Grid) -> Bool {
  let sorted = x.values.sorted()
  return zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 > 0x1p-11 }
}

/// `[N, C]`, or `[C]` alone, now and then of size 0.
private func planes(_ random: TestRandom) -> [Int] {
  random.shape(random.int(1...2), in: 1...3)
}

/// A drawn window: sizes of input and output, and for each output position the taps of each dimension.
private struct Pooling {
  let kernel, stride, padding, dilation: [Int]
  let ceiling: Bool
  let input: [Int]
  let output: [Int]

  init(_ random: TestRandom, rank: Int, dilates: Bool) {
    func list(_ range: ClosedRange<Int>) -> [Int] { (0..<rank).map { _ in random.int(range) } }
    let (k, s, d) = (list(1...3), list(1...3), dilates ? list(1...2) : list(1...1))
    let p = k.map { random.int(0...($0 / 2)) }
    let isCeiling = random.int(0...1) == 0
    let sizes = (0..<rank).map { i in
      let least: Int = d[i] * (k[i] - 1) + 1 - 2 * p[i]
      return max(least, 1) + random.int(0...4)
    }
    (kernel, stride, padding, dilation, ceiling, input) = (k, s, p, d, isCeiling, sizes)
    output = sizes.indices.map { i in
      let room: Int = sizes[i] + 2 * p[i] - d[i] * (k[i] - 1) - 1
      let count = room / s[i] + 1
      let isPartial = isCeiling && room % s[i] != 0 && count * s[i] < sizes[i] + p[i]
      return isPartial ? count + 1 : count
    }
  }

  /// Whether a dilated window steps over all elements: of none the largest is -∞.
  var hasEmptyWindows: Bool { Grid.indices(output).contains { taps($0).inside.isEmpty } }

  /// The taps under an output position, and those of them inside the input.
  func taps(_ output: [Int]) -> (all: [[Int]], inside: [[Int]]) {
    let all = Grid.indices(kernel).map { tap in
      tap.indices.map { d -> Int in
        let begin: Int = output[d] * stride[d] - padding[d]
        return begin + tap[d] * dilation[d]
      }
    }
    return (
      all, all.filter { place in place.indices.allSatisfy { (0..<input[$0]).contains(place[$0]) } }
    )
  }
}

private func maximum(rank: Int) -> FloatCase {
  FloatCase(name: "max_pool\(rank)d", hasDouble: false) { random in
    let pool = Pooling(random, rank: rank, dilates: true)
    let lead = planes(random)
    let scale = random.magnitude()
    let x = random.operand(lead + pool.input, times: scale)
    return FloatCase.Draw(
      inputs: [x], isSmooth: scale == 1 && isSpread(x) && !pool.hasEmptyWindows,
      reference: { inputs in
        BoundedGrid(lead + pool.output) { index in
          let taps = pool.taps(Array(index.dropFirst(lead.count))).inside
          return (taps.map { inputs[0][index.prefix(lead.count) + $0] }.max() ?? -.infinity, 0)
        }
      },
      run: {
        try Functional.maxPool(
          $0[0], kernel: pool.kernel, stride: pool.stride, padding: pool.padding,
          dilation: pool.dilation, ceiling: pool.ceiling)
      })
  }
}

private func average(rank: Int) -> FloatCase {
  FloatCase(name: "avg_pool\(rank)d", hasDouble: false) { random in
    let pool = Pooling(random, rank: rank, dilates: false)
    let lead = planes(random)
    let countsPadding = random.int(0...1) == 0
    let divisor = random.pick([nil, nil, 3])
    let scale = random.magnitude()
    return FloatCase.Draw(
      inputs: [random.operand(lead + pool.input, times: scale)], isSmooth: scale == 1,
      reference: { inputs in
        BoundedGrid(lead + pool.output) { index in
          let (all, inside) = pool.taps(Array(index.dropFirst(lead.count)))
          // Padding counts, but not what lies beyond it.
          let padded = all.filter { place in
            place.indices.allSatisfy { place[$0] < pool.input[$0] + pool.padding[$0] }
          }
          let count = Double(divisor ?? (countsPadding ? padded : inside).count)
          return mean(inside.map { inputs[0][index.prefix(lead.count) + $0] }, count)
        }
      },
      run: {
        try Functional.avgPool(
          $0[0], kernel: pool.kernel, stride: pool.stride, padding: pool.padding,
          ceiling: pool.ceiling, countIncludePad: countsPadding, divisor: divisor)
      })
  }
}

/// A sum and one more rounding, that of the quotient.
private func mean(_ x: [Double], _ count: Double) -> (value: Double, bound: Double) {
  var sum = BoundedSum()
  for value in x { sum.add(value) }
  return (sum.value / count, sum.bound(more: 1) / count + 0x1p-149)
}

private func adaptive(
  _ name: String, rank: Int, isExact: Bool,
  _ run: @escaping @Sendable (Tensor, [Int?]) throws -> Tensor
) -> FloatCase {
  FloatCase(name: "\(name)\(rank)d", hasDouble: false) { random in
    let lead = planes(random)
    let input = random.shape(rank, in: 1...5, allowsEmpty: false)
    let requested = input.map { _ in random.int(0...4) == 0 ? nil : random.int(1...6) }
    let output = zip(requested, input).map { $0 ?? $1 }
    let scale = random.magnitude()
    let x = random.operand(lead + input, times: scale)
    return FloatCase.Draw(
      inputs: [x], isSmooth: scale == 1 && (!isExact || isSpread(x)),
      reference: { inputs in
        BoundedGrid(lead + output) { index in
          let ranges = output.indices.map { d in
            let o = index[lead.count + d]
            let begin = o * input[d] / output[d]
            return (begin, ((o + 1) * input[d] + output[d] - 1) / output[d] - begin)
          }
          let values = Grid.indices(ranges.map(\.1)).map { tap in
            inputs[0][index.prefix(lead.count) + zip(ranges, tap).map { $0.0 + $1 }]
          }
          return isExact
            ? (values.max() ?? -.infinity, 0) : mean(values, Double(values.count))
        }
      }, run: { try run($0[0], requested) })
  }
}

/// Windows and what is made of their elements; global pools are adaptive ones of one element.
let poolCases: [FloatCase] =
  (1...3).map(average) + (1...3).map(maximum)
  + (1...3).flatMap { rank in
    [
      adaptive("adaptive_avg_pool", rank: rank, isExact: false) {
        try Functional.adaptiveAvgPool($0, outputSize: $1)
      },
      adaptive("adaptive_max_pool", rank: rank, isExact: true) {
        try Functional.adaptiveMaxPool($0, outputSize: $1)
      },
    ]
  }
