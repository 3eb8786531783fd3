import OctetTensor
import OctetTestSupport
import Testing

/// The windows of one dimension as lists of the places that they see.
private func sliding(_ size: Int, _ k: Int, _ s: Int, _ p: Int, _ d: Int, _ count: Int) -> [[Int]] {
  (0..<count).map { o in
    (0..<k).map { o * s - p + $0 * d }.filter { $0 >= 0 && $0 < size }
  }
}

private func adaptive(_ size: Int, _ count: Int) -> [[Int]] {
  (0..<count).map { o in
    (0..<size).filter { $0 >= o * size / count && $0 * count < (o + 1) * size }
  }
}

/// All choices of one entry of each list, the last list fastest.
private func product<Element>(_ lists: [[Element]]) -> [[Element]] {
  lists.reduce([[]]) { choices, list in choices.flatMap { head in list.map { head + [$0] } } }
}

/// Where the largest element of each window of a plane stands: the first of equals, the last NaN.
private func places(_ plane: [Float], _ size: [Int], _ windows: [[[Int]]]) -> [Int] {
  product(windows).map { lists in
    let flat = product(lists).map { place in
      zip(place, size).reduce(0) { $0 * $1.1 + $1.0 }
    }
    if let nan = flat.last(where: { plane[$0].isNaN }) { return nan }
    let top = flat.map { plane[$0] }.max()
    return flat.first { plane[$0] == top } ?? size.reduce(1, *) - 1
  }
}

@Suite("Where the largest elements of windows stand")
struct MaxPoolIndexTests {
  /// Few different values, so that many are equal; now and then NaN and infinities.
  private func values(_ count: Int, _ random: TestRandom) -> [Float] {
    (0..<count).map { _ in
      random.int(0...19) == 0
        ? random.pick([Float.nan, .infinity, -.infinity]) : Float(random.int(-3...3))
    }
  }

  private func check(
    _ x: [Float], _ lead: [Int], _ size: [Int], _ windows: [[[Int]]],
    _ result: (output: Tensor, indices: Tensor), _ output: Tensor
  ) throws {
    let area = size.reduce(1, *)
    let planes = stride(from: 0, to: x.count, by: area).map { Array(x[$0..<($0 + area)]) }
    let want = planes.map { places($0, size, windows) }
    #expect(result.indices.shape == lead + windows.map(\.count))
    let got = try result.indices.elements(as: Int64.self)
    #expect(got == want.flatMap { $0.map { Int64($0) } })
    let values = try result.output.elements(as: Float.self)
    let plain = try output.elements(as: Float.self)
    #expect(values.map(\.bitPattern) == plain.map(\.bitPattern))
  }

  @Test("Windows that slide, against a plain search", arguments: 1...3)
  func slides(_ rank: Int) throws {
    let random = TestRandom(UInt64(rank))
    for _ in 0..<60 {
      func list(_ range: ClosedRange<Int>) -> [Int] { (0..<rank).map { _ in random.int(range) } }
      let (kernel, stride, dilation) = (list(1...3), list(1...3), list(1...2))
      let padding = kernel.map { random.int(0...($0 / 2)) }
      let ceiling = random.int(0...1) == 0
      let size = (0..<rank).map { dilation[$0] * (kernel[$0] - 1) + 1 + random.int(0...3) }
      let lead = random.int(0...1) == 0 ? [2, 3] : [3]
      let x = values((lead + size).reduce(1, *), random)
      let input = try Tensor(x, shape: lead + size)
      let output = try Functional.maxPool(
        input, kernel: kernel, stride: stride, padding: padding, dilation: dilation,
        ceiling: ceiling)
      let result = try Functional.maxPoolWithIndices(
        input, kernel: kernel, stride: stride, padding: padding, dilation: dilation,
        ceiling: ceiling)
      let counts = output.shape.suffix(rank)
      let windows = zip(size.indices, counts).map { d, count in
        sliding(size[d], kernel[d], stride[d], padding[d], dilation[d], count)
      }
      try check(x, lead, size, windows, result, output)
    }
  }

  @Test("Windows that divide evenly, against a plain search", arguments: 1...3)
  func adapts(_ rank: Int) throws {
    let random = TestRandom(UInt64(10 + rank))
    for _ in 0..<40 {
      let size = (0..<rank).map { _ in random.int(1...5) }
      let counts = (0..<rank).map { _ in random.int(1...6) }
      let lead = random.int(0...1) == 0 ? [2, 3] : [3]
      let x = values((lead + size).reduce(1, *), random)
      let input = try Tensor(x, shape: lead + size)
      let result = try Functional.adaptiveMaxPoolWithIndices(input, outputSize: counts)
      let windows = zip(size, counts).map { adaptive($0, $1) }
      let output = try Functional.adaptiveMaxPool(input, outputSize: counts)
      try check(x, lead, size, windows, result, output)
    }
  }

  /// torch 2.8 on equal elements, NaN and a row of -∞.
  @Test func torchsValues() throws {
    let low = -Float.infinity
    let x = try Tensor(
      [1, 3, 3, .nan, 3, 2, .nan, 0, low, low, low, low, low, 5, 5, 5] as [Float],
      shape: [1, 1, 4, 4])
    func indices(_ result: (output: Tensor, indices: Tensor)) throws -> [Int64] {
      try result.indices.elements()
    }
    #expect(try indices(Functional.maxPoolWithIndices(x, kernel: [2, 2])) == [1, 6, 13, 14])
    #expect(
      try indices(
        Functional.maxPoolWithIndices(
          x, kernel: [3, 3], stride: [2, 2], padding: [1, 1], ceiling: true))
        == [1, 6, 3, 13, 6, 15, 13, 13, 15])
    #expect(
      try indices(Functional.adaptiveMaxPoolWithIndices(x, outputSize: [3, 2]))
        == [1, 6, 4, 6, 13, 14])
    let blank = try Tensor(repeating: low, shape: [1, 1, 5, 5])
    #expect(
      try indices(
        Functional.maxPoolWithIndices(
          blank, kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [2, 2]))
        == [6, 5, 6, 1, 0, 1, 6, 5, 6])
  }

  @Test func gradientsGoToTheElementsFound() throws {
    let cases = [
      GradientCase("sliding", [[2, 5, 6]], isSpread: true) {
        try Functional.maxPoolWithIndices($0[0], kernel: [3, 2], padding: [1, 0]).output
      },
      GradientCase("adaptive", [[2, 5, 6]], isSpread: true) {
        try Functional.adaptiveMaxPoolWithIndices($0[0], outputSize: [3, 4]).output
      },
    ]
    for item in cases { #expect(try item.mismatches() == [], "\(item)") }
  }

  @Test func halfTypesAndRefusals() throws {
    let x = try Tensor([1, 4, 2, 3] as [Float], shape: [1, 1, 2, 2])
    let half = try x.converted(to: .float16)
    let result = try Functional.maxPoolWithIndices(half, kernel: [2, 2])
    #expect(result.output.dtype == .float16)
    #expect(try result.indices.elements(as: Int64.self) == [1])
    let integers = try Functional.quantizePerTensor(x, scale: 0.1, zeroPoint: 0, dtype: .quint8)
    #expect(throws: OctetError.self) {
      try Functional.maxPoolWithIndices(integers, kernel: [2, 2])
    }
    #expect(throws: OctetError.self) {
      try Functional.adaptiveMaxPoolWithIndices(x, outputSize: [0, 1])
    }
    #expect(throws: OctetError.self) {
      try Functional.adaptiveMaxPoolWithIndices(x, outputSize: [1])
    }
  }
}
