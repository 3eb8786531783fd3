import OctetTensor
import OctetTestSupport

private func indices(_ shape: [Int], below rows: Int, _ random: TestRandom) throws -> (
  tensor: Tensor, numbers: [Int]
) {
  let numbers = (0..<shape.reduce(1, *)).map { _ in random.int(0...(rows - 1)) }
  return (
    random.int(0...1) == 0
      ? try Tensor(numbers.map { Int64($0) }, shape: shape)
      : try Tensor(numbers.map { Int32($0) }, shape: shape),
    numbers
  )
}

private func rows() -> FloatCase {
  FloatCase(name: "embedding", hasDouble: false) { random in
    let (count, dim) = (random.int(1...6), random.shape(1)[0])
    let scale = random.magnitude()
    let table = random.operand([count, dim], times: scale)
    let shape = random.shape(random.int(0...3))
    let (tensor, numbers) = try indices(shape, below: count, random)
    let padding = random.pick([nil, random.int(0...(count - 1))])
    return FloatCase.Draw(
      inputs: [table], isSmooth: scale == 1,
      reference: { inputs in
        let places = Grid(shape, numbers.map { Double($0) })
        return BoundedGrid(shape + [dim]) { index in
          let row = Int(places[Array(index.dropLast())])
          // Derivatives don't reach the padding's row.
          let source = row == padding ? table : inputs[0]
          return (source[[row, index[index.count - 1]]], 0)
        }
      },
      run: { try Functional.embedding(tensor, weight: $0[0], paddingIndex: padding) })
  }
}

/// Bags of indices as `[bags, size]`, or with offsets: the places of each.
private func bags(_ random: TestRandom) throws -> (
  shape: [Int], offsets: Tensor?, isClosed: Bool, places: [[Int]]
) {
  let count = random.shape(1)[0]
  if random.int(0...1) == 0 {
    let size = random.shape(1)[0]
    return (
      [count, size], nil, false, (0..<count).map { bag in (0..<size).map { bag * size + $0 } }
    )
  }
  let sizes = (0..<count).map { _ in random.int(0...4) }
  let begins = sizes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
  let isClosed = random.int(0...1) == 0
  let given = isClosed ? begins : Array(begins.dropLast())
  return (
    [sizes.reduce(0, +)], try Tensor(given.map { Int64($0) }, shape: [given.count]), isClosed,
    (0..<count).map { Array(begins[$0]..<begins[$0 + 1]) }
  )
}

private func bag(_ mode: EmbeddingBagMode, isWeighted: Bool = false) -> FloatCase {
  FloatCase(name: "embedding_bag \(mode)\(isWeighted ? ", weighted" : "")", hasDouble: false) {
    random in
    let (count, dim) = (random.int(1...6), random.shape(1)[0])
    let scale = random.magnitude()
    let table = random.operand([count, dim], times: scale)
    let (shape, offsets, isClosed, places) = try bags(random)
    let (tensor, numbers) = try indices(shape, below: count, random)
    let padding = random.pick([nil, random.int(0...(count - 1))])
    let weights = isWeighted ? [random.grid(shape)] : []
    let sorted = table.values.sorted()
    return FloatCase.Draw(
      inputs: [table] + weights,
      isSmooth: scale == 1
        && (mode != .max || zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 > 0x1p-11 }),
      reference: { inputs in
        BoundedGrid([places.count, dim]) { index in
          let kept = places[index[0]].filter { numbers[$0] != padding }
          var sum = BoundedSum()
          for place in kept {
            sum.add(
              inputs[0][[numbers[place], index[1]]], isWeighted ? inputs[1].values[place] : 1)
          }
          let most = kept.map { inputs[0][[numbers[$0], index[1]]] }.max()
          switch mode {
          case .sum: return sum.result
          case .mean:
            let parts = Double(max(kept.count, 1))
            return (sum.value / parts, sum.bound(more: 1) / parts)
          case .max: return (most ?? 0, 0)
          }
        }
      },
      run: {
        try Functional.embeddingBag(
          tensor, weight: $0[0], offsets: offsets, mode: mode,
          perSampleWeights: isWeighted ? $0[1] : nil, includeLastOffset: isClosed,
          paddingIndex: padding)
      })
  }
}

/// Rows of tables, and what is made of bags of them.
let embeddingCases: [FloatCase] = [
  rows(), bag(.sum), bag(.sum, isWeighted: true), bag(.mean), bag(.max),
]
