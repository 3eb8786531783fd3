import OctetTensor
import OctetTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

private func linear() -> FloatCase {
  FloatCase(name: "linear", hasDouble: false) { random in
    let isLarge = random.int(0...9) == 0
    let lead = random.shape(random.int(1...3), in: 1...(isLarge ? 5 : 3))
    let sizes = random.shape(2, in: 1...(isLarge ? 40 : 4))
    let (k, n) = (sizes[0], sizes[1])
    let (a, b) = (random.magnitude(), random.magnitude())
    let bias = random.int(0...1) == 0 ? [] : [random.operand([n], times: a * b)]
    return FloatCase.Draw(
      inputs: [random.operand(lead + [k], times: a), random.operand([n, k], times: b)] + bias,
      isSmooth: a * b == 1,
      reference: { inputs in
        BoundedGrid(lead + [n]) { index in
          let (row, column) = (Array(index.dropLast()), index[index.count - 1])
          var sum = BoundedSum()
          for i in 0..<k { sum.add(inputs[0][row + [i]], inputs[1][[column, i]]) }
          if inputs.count > 2 { sum.add(inputs[2].values[column]) }
          return sum.result
        }
      }, run: { try Functional.linear($0[0], weight: $0[1], bias: $0.count > 2 ? $0[2] : nil) })
  }
}

/// The shapes of two operands whose leading dimensions broadcast to `batch`.
private func leading(_ batch: [Int], _ random: TestRandom) -> ([Int], [Int]) {
  func one() -> [Int] {
    Array(batch.map { random.int(0...2) == 0 ? 1 : $0 }.suffix(random.int(0...batch.count)))
  }
  return random.int(0...1) == 0 ? (batch, one()) : (one(), batch)
}

private func product(
  _ name: String, broadcasts: Bool, _ run: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
) -> FloatCase {
  FloatCase(name: name, hasDouble: false) { random in
    let batch = random.shape(broadcasts ? random.int(0...2) : 1, in: 1...3)
    let leads = broadcasts ? leading(batch, random) : (batch, batch)
    let sizes = random.shape(3, in: 1...(random.int(0...9) == 0 ? 33 : 4))
    let (m, k, n) = (sizes[0], sizes[1], sizes[2])
    let (a, b) = (random.magnitude(), random.magnitude())
    return FloatCase.Draw(
      inputs: [
        random.operand(leads.0 + [m, k], times: a), random.operand(leads.1 + [k, n], times: b),
      ], isSmooth: a * b == 1,
      reference: { inputs in
        BoundedGrid(batch + [m, n]) { index in
          let (lead, row) = (Array(index.dropLast(2)), index[index.count - 2])
          var sum = BoundedSum()
          for i in 0..<k {
            sum.add(
              inputs[0].matrixElement(lead, row, i),
              inputs[1].matrixElement(lead, i, index[index.count - 1]))
          }
          return sum.result
        }
      }, run: { try run($0[0], $0[1]) })
  }
}

extension Grid {
  /// An element of a matrix of a batch that broadcasts.
  fileprivate func matrixElement(_ lead: [Int], _ row: Int, _ column: Int) -> Double {
    let sizes = shape.dropLast(2)
    return self[zip(lead.suffix(sizes.count), sizes).map { $1 == 1 ? 0 : $0 } + [row, column]]
  }
}

/// Which pairs of positions attend.
private enum Mask: CaseIterable, Sendable { case none, causal, truth, added }

/// Scores are sums of E products, scaled and masked: three more roundings, `δ = γ_(E+4) Σ |q k| scale + u |mask|`. Two scores' errors move a
/// weight by `e^(2δ)`; exponential, sum and division of S terms add S + 8 roundings. The last sum is of S products:
/// `|error| ≤ Σ w |v| (e^(2δ + (S + 8) u) - 1 + γ_(S+1))`.
///
/// Half types round the factor, the scaled queries, the scores and what a mask adds: no score's terms are above 11.2 and a mask's above 2, so
/// that δ is 47 u; e^(2δ) - 1 is 114 u for the wider u of bfloat16. The weights and the result round too, and no value is above 2.
private func attention(_ mask: Mask) -> FloatCase {
  FloatCase(
    name: "scaled_dot_product_attention, \(mask)", hasDouble: false, halfRoundings: 116,
    halfScale: 2
  ) { random in
    let batch = random.shape(random.int(0...2), in: 1...2)
    let (rows, columns) = (random.int(1...4), random.int(1...5))
    let (features, width) = (random.int(1...4), random.int(1...3))
    let scale = random.pick([nil, 0.7])
    let truth = (0..<(rows * columns)).map { _ in random.int(0...3) > 0 }
    let allowed = Grid([rows, columns]) { index in
      switch mask {
      case .causal: index[1] <= index[0] ? 1 : 0
      case .truth: truth[index[0] * columns + index[1]] ? 1 : 0
      case .none, .added: 1
      }
    }
    let given = try Tensor(truth, shape: [rows, columns])
    let added = mask == .added ? [random.operand([rows, columns])] : []
    let inputs = [
      random.operand(batch + [rows, features]), random.operand(batch + [columns, features]),
      random.operand(batch + [columns, width]),
    ]
    let factor = scale ?? 1 / Double(features).squareRoot()
    return FloatCase.Draw(
      inputs: inputs + added,
      isSmooth: allowed.lanes([1]).allSatisfy { $0.values.contains(1) },
      reference: { inputs in
        BoundedGrid(batch + [rows, width]) { index in
          let (lead, row) = (Array(index.dropLast(2)), index[index.count - 2])
          var scores: [(place: Int, value: Double)] = []
          var error = 0.0
          for s in 0..<columns where allowed[[row, s]] == 1 {
            var sum = BoundedSum()
            for e in 0..<features {
              sum.add(inputs[0][lead + [row, e]] * factor, inputs[1][lead + [s, e]])
            }
            let plus = inputs.count > 3 ? inputs[3][[row, s]] : 0
            scores.append((s, sum.value + plus))
            error = max(error, sum.bound(more: 3) + 0x1p-24 * abs(plus))
          }
          let total = scores.reduce(0) { $0 + exp($1.value) }
          var sum = BoundedSum()
          for score in scores {
            sum.add(
              exp(score.value) / total, inputs[2][lead + [score.place, index[index.count - 1]]])
          }
          if scores.isEmpty { return (.nan, 0) }
          let weights = expm1(2 * error + Double(columns + 8) * 0x1p-24)
          return (sum.value, sum.bound() + weights * sum.magnitude)
        }
      },
      run: {
        try Functional.scaledDotProductAttention(
          $0[0], $0[1], $0[2], mask: mask == .truth ? given : $0.count > 3 ? $0[3] : nil,
          isCausal: mask == .causal, scale: scale)
      })
  }
}

/// Products of matrices.
let matrixCases: [FloatCase] =
  [
    linear(),
    product("matmul", broadcasts: true) { try Functional.matmul($0, $1) },
    product("bmm", broadcasts: false) { try Functional.bmm($0, $1) },
  ] + Mask.allCases.map(attention)
