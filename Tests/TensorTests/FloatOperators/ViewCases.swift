import OctetTensor
import OctetTestSupport

/// A case whose result takes its elements from one input, unrounded: `source` says from which index.
private func seen(
  _ name: String, ranks: ClosedRange<Int> = 1...4, allowsEmpty: Bool = true,
  _ draw:
    @escaping @Sendable (TestRandom, [Int]) throws -> (
      shape: [Int], source: ([Int]) -> [Int], run: (Tensor) throws -> Tensor
    )
) -> FloatCase {
  FloatCase(name: name) { random in
    let shape = random.shape(random.int(ranks), allowsEmpty: allowsEmpty)
    let x = random.operand(shape)
    let view = try draw(random, shape)
    return FloatCase.Draw(
      inputs: [x], run: { try view.run($0[0]) },
      expected: Grid(view.shape) { x[view.source($0)] }, bound: FloatCase.exact)
  }
}

/// The index that lies at place `number` of a shape in logical order.
private func index(_ number: Int, of shape: [Int]) -> [Int] {
  var rest = number
  let reversed = shape.reversed().map { size in
    defer { rest /= size }
    return rest % size
  }
  return reversed.reversed()
}

/// Where an index lies in logical order.
private func number(_ index: [Int], of shape: [Int]) -> Int {
  zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
}

private func reshaping(
  _ name: String, _ run: @escaping @Sendable (Tensor, [Int]) throws -> Tensor
) -> FloatCase {
  seen(name) { random, shape in
    let target = random.pick([
      [shape.reduce(1, *)], shape.reversed(), [1] + shape,
      [shape[0], shape.dropFirst().reduce(1, *)],
    ])
    return (target, { index(number($0, of: target), of: shape) }, { try run($0, target) })
  }
}

private func order(_ rank: Int, _ random: TestRandom) -> [Int] {
  var dims = Array(0..<rank)
  for i in dims.indices.reversed() where i > 0 { dims.swapAt(i, random.int(0...i)) }
  return dims
}

private let reorderings: [FloatCase] = [
  seen("permute") { random, shape in
    let dims = order(shape.count, random)
    let source: ([Int]) -> [Int] = { index in
      var from = index
      for (to, dim) in dims.enumerated() { from[dim] = index[to] }
      return from
    }
    return (dims.map { shape[$0] }, source, { try $0.permuted(dims) })
  },
  seen("transpose") { random, shape in
    let (a, b) = (random.int(0...(shape.count - 1)), random.int(0...(shape.count - 1)))
    let swapped: ([Int]) -> [Int] = { index in
      var from = index
      from.swapAt(a, b)
      return from
    }
    return (swapped(shape), swapped, { try $0.transposed(a, b - shape.count) })
  },
  seen("clone") { random, shape in
    let format: MemoryFormat = shape.count == 4 ? .channelsLast : .contiguous
    return (shape, { $0 }, { try $0.clone(format) })
  },
  seen("there and back in float64") { _, shape in
    (shape, { $0 }, { try $0.converted(to: .float64).converted(to: $0.dtype) })
  },
]

private let parts: [FloatCase] = [
  seen("select", allowsEmpty: false) { random, shape in
    let dim = random.int(0...(shape.count - 1))
    let place = random.int(0...(shape[dim] - 1))
    var kept = shape
    kept.remove(at: dim)
    let source: ([Int]) -> [Int] = { Array($0[..<dim]) + [place] + $0[dim...] }
    let given = random.pick([place, place - shape[dim]])
    return (kept, source, { try $0.select(dim: dim, index: given) })
  },
  seen("slice") { random, shape in
    let dim = random.int(0...(shape.count - 1))
    let begin = random.int(0...shape[dim])
    let end = random.int(begin...shape[dim])
    let step = random.int(1...3)
    var size = shape
    size[dim] = (end - begin + step - 1) / step
    let source: ([Int]) -> [Int] = { index in
      var from = index
      from[dim] = begin + index[dim] * step
      return from
    }
    return (size, source, { try $0.slice(dim: dim, begin..<end, step: step) })
  },
  seen("as_strided", ranks: 1...1, allowsEmpty: false) { random, shape in
    let (rows, columns) = (random.int(1...2), random.int(1...2))
    let strides = [random.int(0...1), random.int(0...1)]
    let offset = random.int(
      0...max(shape[0] - 1 - (rows - 1) * strides[0] - (columns - 1) * strides[1], 0))
    let isInside = offset + (rows - 1) * strides[0] + (columns - 1) * strides[1] < shape[0]
    let size = isInside ? [rows, columns] : [1, 1]
    // On dense memory, which an input that came with other strides is copied to.
    return (
      size, { [offset + $0[0] * strides[0] + $0[1] * strides[1]] },
      { try $0.clone(.contiguous).asStrided(size, strides: strides, offset: offset) }
    )
  },
  FloatCase(name: "cat") { random in
    let shape = random.shape(random.int(1...3))
    let dim = random.int(0...(shape.count - 1))
    let inputs = (0..<random.int(1...3)).map { _ in
      var part = shape
      part[dim] = random.int(0...3)
      return random.operand(part)
    }
    var size = shape
    size[dim] = inputs.reduce(0) { $0 + $1.shape[dim] }
    let y = Grid(size) { index in
      var from = index
      var number = 0
      while from[dim] >= inputs[number].shape[dim] {
        from[dim] -= inputs[number].shape[dim]
        number += 1
      }
      return inputs[number][from]
    }
    return FloatCase.Draw(
      inputs: inputs,
      run: { try Functional.concatenate($0, dim: random.pick([dim, dim - shape.count])) },
      expected: y, bound: FloatCase.exact)
  },
]

private let ranks: [FloatCase] = [
  seen("flatten") { random, shape in
    let from = random.int(0...(shape.count - 1))
    let target = Array(shape[..<from]) + [shape[from...].reduce(1, *)]
    return (
      target, { Array($0[..<from]) + index($0[from], of: Array(shape[from...])) },
      { try $0.flattened(from: from) }
    )
  },
  seen("squeeze") { random, shape in
    let dim = random.int(0...(shape.count - 1))
    var kept = shape
    if kept[dim] == 1 { kept.remove(at: dim) }
    let source: ([Int]) -> [Int] = {
      shape[dim] == 1 ? Array($0[..<dim]) + [0] + $0[dim...] : $0
    }
    return (kept, source, { try $0.squeezed(dim) })
  },
  seen("unsqueeze", ranks: 0...3) { random, shape in
    let dim = random.int(0...shape.count)
    let wide = Array(shape[..<dim]) + [1] + shape[dim...]
    let source: ([Int]) -> [Int] = { Array($0[..<dim]) + $0[(dim + 1)...] }
    return (wide, source, { try $0.unsqueezed(dim) })
  },
  seen("expand", ranks: 0...3) { random, shape in
    let lead = random.shape(random.int(0...2))
    let wide = lead + shape.map { $0 == 1 ? random.int(0...3) : $0 }
    let source: ([Int]) -> [Int] = {
      zip($0.dropFirst(lead.count), shape).map { $1 == 1 ? 0 : $0 }
    }
    return (wide, source, { try $0.expanded(wide) })
  },
]

/// Operators whose result is their input seen otherwise, or copied.
let viewCases: [FloatCase] =
  [
    reshaping("reshape") { try $0.reshaped($1) },
    reshaping("view") { try $0.contiguous().view($1) },
  ] + reorderings + parts + ranks
