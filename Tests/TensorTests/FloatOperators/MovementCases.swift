import OctetTensor
import OctetTestSupport

/// A case whose result takes each element from somewhere, unrounded.
private func moving(
  _ name: String, ranks: ClosedRange<Int> = 1...4, allowsEmpty: Bool = true,
  _ draw:
    @escaping @Sendable (TestRandom, Grid) throws -> (
      run: ([Tensor]) throws -> Tensor, expected: Grid
    )
) -> FloatCase {
  FloatCase(name: name) { random in
    let x = random.grid(random.shape(random.int(ranks), allowsEmpty: allowsEmpty))
    let (run, expected) = try draw(random, x)
    return FloatCase.Draw(inputs: [x], run: run, expected: expected, bound: FloatCase.exact)
  }
}

private func padding(_ name: String, _ mode: PaddingMode) -> FloatCase {
  moving(name, allowsEmpty: false) { random, x in
    let count = random.int(1...x.shape.count)
    let first = x.shape.count - count
    func amount(_ d: Int) -> Int {
      let size = x.shape[d]
      switch mode {
      case .constant: return random.int((-size / 2)...3)
      case .reflect: return random.int(0...(size - 1))
      case .replicate: return random.int(0...3)
      case .circular: return random.int(0...size)
      }
    }
    let before = (0..<count).map { amount(first + $0) }
    let after = (0..<count).map { amount(first + $0) }
    var shape = x.shape
    for i in 0..<count { shape[first + i] += before[i] + after[i] }
    let y = Grid(shape) { index in
      var source = index
      for i in 0..<count {
        let (size, place) = (x.shape[first + i], index[first + i] - before[i])
        switch mode {
        case .constant(let value):
          if !(0..<size).contains(place) { return value }
          source[first + i] = place
        case .reflect:
          let back = place < 0 ? -place : place
          source[first + i] = back < size ? back : 2 * (size - 1) - back
        case .replicate: source[first + i] = min(max(place, 0), size - 1)
        case .circular: source[first + i] = (place + size) % size
        }
      }
      return x[source]
    }
    return ({ try Functional.pad($0[0], before: before, after: after, mode: mode) }, y)
  }
}

private func index(_ shape: [Int], below size: Int, _ random: TestRandom) throws -> (
  tensor: Tensor, numbers: Grid
) {
  let numbers = (0..<shape.reduce(1, *)).map { _ in random.int(0...(size - 1)) }
  return (
    try Tensor(numbers.map { Int64($0) }, shape: shape), Grid(shape, numbers.map { Double($0) })
  )
}

private func scatter(_ name: String, adding: Bool) -> FloatCase {
  FloatCase(name: name) { random in
    let shape = random.shape(random.int(1...3), allowsEmpty: false)
    let dim = random.int(0...(shape.count - 1))
    // Each place once, so that order doesn't matter for `scatter`.
    var counts = shape.map { random.int(1...$0) }
    if !adding { counts[dim] = random.int(1...shape[dim]) }
    let (x, source) = (random.grid(shape), random.grid(counts.map { $0 + random.int(0...1) }))
    let shift = random.int(0...(shape[dim] - 1))
    let numbers = Grid(counts) { Double(($0[dim] + shift) % shape[dim]) }
    let places = try Tensor(numbers.values.map { Int64($0) }, shape: counts)
    var y = x
    for index in Grid.indices(counts) {
      var target = index
      target[dim] = Int(numbers[index])
      y[target] = adding ? y[target] + source[index] : source[index]
    }
    return FloatCase.Draw(
      inputs: [x, source],
      run: {
        adding
          ? try Functional.scatterAdd($0[0], dim: dim, index: places, source: $0[1])
          : try Functional.scatter($0[0], dim: dim, index: places, source: $0[1])
      }, expected: y, bound: FloatCase.bound(units: adding ? 4 : 0, scale: adding ? 4 : 0))
  }
}

/// Operators that put elements in other places.
let movementCases: [FloatCase] = [
  moving("flip") { random, x in
    let dims = x.shape.indices.filter { _ in random.int(0...1) == 0 }
    let y = Grid(x.shape) { index in
      x[index.indices.map { dims.contains($0) ? x.shape[$0] - 1 - index[$0] : index[$0] }]
    }
    return ({ try Functional.flip($0[0], dims: dims) }, y)
  },
  moving("roll") { random, x in
    let dim = random.int(0...(x.shape.count - 1))
    let shift = random.int(-9...9)
    let y = Grid(x.shape) { index in
      var source = index
      let size = x.shape[dim]
      source[dim] = ((index[dim] - shift) % size + size) % size
      return x[source]
    }
    return ({ try Functional.roll($0[0], shifts: [shift], dims: [dim]) }, y)
  },
  moving("repeat", ranks: 0...3) { random, x in
    let added = random.int(0...1)
    let counts = (0..<(x.shape.count + added)).map { _ in random.int(0...3) }
    let lifted = [Int](repeating: 1, count: added) + x.shape
    let y = Grid(zip(counts, lifted).map(*)) { index in
      x[zip(index, lifted).dropFirst(added).map { $0 % $1 }]
    }
    return ({ try Functional.tile($0[0], counts: counts) }, y)
  },
  padding("pad constant", .constant(1.5)), padding("pad reflect", .reflect),
  padding("pad replicate", .replicate), padding("pad circular", .circular),
  moving("index_select", allowsEmpty: false) { random, x in
    let dim = random.int(0...(x.shape.count - 1))
    let (places, numbers) = try index([random.int(0...5)], below: x.shape[dim], random)
    var shape = x.shape
    shape[dim] = numbers.shape[0]
    let y = Grid(shape) { index in
      var source = index
      source[dim] = Int(numbers.values[index[dim]])
      return x[source]
    }
    return ({ try Functional.indexSelect($0[0], dim: dim, index: places) }, y)
  },
  moving("gather", ranks: 1...3, allowsEmpty: false) { random, x in
    let dim = random.int(0...(x.shape.count - 1))
    var shape = x.shape.map { random.int(0...$0) }
    shape[dim] = random.int(0...5)
    let (places, numbers) = try index(shape, below: x.shape[dim], random)
    let y = Grid(shape) { index in
      var source = index
      source[dim] = Int(numbers[index])
      return x[source]
    }
    return ({ try Functional.gather($0[0], dim: dim, index: places) }, y)
  },
  scatter("scatter", adding: false), scatter("scatter_add", adding: true),
  FloatCase(name: "where") { random in
    let shape = random.shape(random.int(0...3))
    let (a, b) = (random.grid(shape), random.grid(random.pick([shape, Array(shape.dropFirst())])))
    let truth = (0..<shape.reduce(1, *)).map { _ in random.int(0...1) == 1 }
    let condition = try Tensor(truth, shape: shape)
    let chosen = Grid(shape, truth.map { $0 ? 1 : 0 })
    return FloatCase.Draw(
      inputs: [a, b], run: { try Functional.where(condition, $0[0], $0[1]) },
      expected: Grid(shape) { chosen[$0] == 1 ? a[$0] : b.broadcast($0) },
      bound: FloatCase.exact)
  },
  moving("masked_fill") { random, x in
    let truth = (0..<(x.shape.last ?? 1)).map { _ in random.int(0...1) == 1 }
    let mask = try Tensor(truth, shape: [truth.count])
    let y = Grid(x.shape) { truth[$0[$0.count - 1]] ? -2.5 : x[$0] }
    return ({ try Functional.maskedFill($0[0], mask: mask, value: -2.5) }, y)
  },
  moving("tril", ranks: 2...3) { random, x in
    let diagonal = random.int(-4...4)
    let y = Grid(x.shape) { $0[$0.count - 1] - $0[$0.count - 2] <= diagonal ? x[$0] : 0 }
    return ({ try Functional.tril($0[0], diagonal: diagonal) }, y)
  },
  moving("triu", ranks: 2...3) { random, x in
    let diagonal = random.int(-4...4)
    let y = Grid(x.shape) { $0[$0.count - 1] - $0[$0.count - 2] >= diagonal ? x[$0] : 0 }
    return ({ try Functional.triu($0[0], diagonal: diagonal) }, y)
  },
  moving("split") { random, x in
    let dim = random.int(0...(x.shape.count - 1))
    let size = random.int(1...3)
    let part = random.int(0...max((x.shape[dim] - 1) / size, 0))
    var shape = x.shape
    shape[dim] = max(min(size, x.shape[dim] - part * size), 0)
    let y = Grid(shape) { index in
      var source = index
      source[dim] += part * size
      return x[source]
    }
    return ({ try Functional.split($0[0], size: size, dim: dim)[part] }, y)
  },
  moving("unfold windows", allowsEmpty: false) { random, x in
    let dim = random.int(0...(x.shape.count - 1))
    let (size, step) = (random.int(1...x.shape[dim]), random.int(1...3))
    var shape = x.shape
    shape[dim] = (x.shape[dim] - size) / step + 1
    let y = Grid(shape + [size]) { index in
      var source = Array(index.dropLast())
      source[dim] = source[dim] * step + index[index.count - 1]
      return x[source]
    }
    return ({ try Functional.windows($0[0], dim: dim, size: size, step: step) }, y)
  },
]
