import OctetTensor
import OctetTestSupport
import Testing

/// A table in plain Swift: codes, and each row's scale and bias as they are stored.
private struct Table {
  let packed: Tensor
  let codes: [[UInt8]]
  let scales: [Float]
  let biases: [Float]

  /// Reads rows of `dim` codes of `bits` bits, written apart from the kernels.
  init(_ packed: Tensor, bits: Int, dim: Int) throws {
    self.packed = packed
    let all: [UInt8] = try packed.elements()
    let size = packed.shape[1]
    var codes: [[UInt8]] = []
    var (scales, biases): ([Float], [Float]) = ([], [])
    for start in stride(from: 0, to: all.count, by: size) {
      let row = Array(all[start..<(start + size)])
      codes.append(
        (0..<dim).map { i in row[i * bits / 8] >> UInt8(i * bits % 8) & UInt8((1 << bits) - 1) })
      let tail = (dim * bits + 7) / 8
      func word(_ at: Int, _ count: Int) -> UInt32 {
        (0..<count).reduce(0) { $0 | UInt32(row[at + $1]) << UInt32(8 * $1) }
      }
      if bits == 8 {
        scales.append(Float(bitPattern: word(tail, 4)))
        biases.append(Float(bitPattern: word(tail + 4, 4)))
      } else {
        scales.append(Half(bitPattern: UInt16(word(tail, 2))).float)
        biases.append(Half(bitPattern: UInt16(word(tail + 2, 2))).float)
      }
    }
    (self.codes, self.scales, self.biases) = (codes, scales, biases)
  }

  /// The sum of a bag with weights, by Swift's own fused multiply-add.
  func sum(_ bag: [(index: Int, weight: Float)], dim: Int) -> [Float] {
    var sums = [Float](repeating: 0, count: dim)
    for (index, weight) in bag {
      for d in 0..<dim {
        let start = sums[d] + weight * biases[index]
        sums[d] = start.addingProduct(weight * scales[index], Float(codes[index][d]))
      }
    }
    return sums
  }
}

private func prepacked(_ weight: Tensor, bits: Int) throws -> Tensor {
  switch bits {
  case 8: try Functional.embeddingBagBytePrepack(weight)
  case 4: try Functional.embeddingBag4BitPrepack(weight)
  default: try Functional.embeddingBag2BitPrepack(weight)
  }
}

private func unpacked(_ packed: Tensor, bits: Int) throws -> Tensor {
  switch bits {
  case 8: try Functional.embeddingBagByteUnpack(packed)
  case 4: try Functional.embeddingBag4BitUnpack(packed)
  default: try Functional.embeddingBag2BitUnpack(packed)
  }
}

private func bags(
  _ packed: Tensor, bits: Int, _ indices: Tensor, offsets: Tensor? = nil, weights: Tensor? = nil,
  last: Bool = false
) throws -> Tensor {
  switch bits {
  case 8:
    try Functional.embeddingBagByte(
      packed, indices: indices, offsets: offsets, perSampleWeights: weights,
      includeLastOffset: last)
  case 4:
    try Functional.embeddingBag4Bit(
      packed, indices: indices, offsets: offsets, perSampleWeights: weights,
      includeLastOffset: last)
  default:
    try Functional.embeddingBag2Bit(
      packed, indices: indices, offsets: offsets, perSampleWeights: weights,
      includeLastOffset: last)
  }
}

private func refusal(
  _ argument: String, _ code: OctetError.Code, _ word: String = "",
  _ body: () throws -> Tensor
) {
  #expect("\(argument) \(code)") {
    _ = try body()
  } throws: { error in
    guard let error = error as? OctetError else { return false }
    let hasWord = word.isEmpty || error.description.contains(word)
    return error.argument == argument && error.code == code && hasWord
  }
}

@Suite("Embedding tables")
struct EmbeddingTests {
  @Test(
    "Packed rows are within half a step of the real ones, and the ends are exact",
    arguments: [8, 4, 2])
  func packing(bits: Int) throws {
    let random = TestRandom(UInt64(bits))
    for _ in 0..<30 {
      let (rows, dim) = (random.int(0...6), 4 * random.int(0...20))
      let values = random.floats(rows * dim, in: -3...5)
      let weight = try Tensor(values, shape: [rows, dim])
      let packed = try prepacked(weight, bits: bits)
      #expect(packed.shape == [rows, dim * bits / 8 + (bits == 8 ? 8 : 4)])
      let table = try Table(packed, bits: bits, dim: dim)
      let real: [Float] = try unpacked(packed, bits: bits).elements()
      for i in 0..<(rows * dim) {
        let (row, column) = (i / dim, i % dim)
        // Half a step, and what float16 takes off scale and bias.
        let slack = bits == 8 ? Float(1e-5) : 0.02
        #expect(abs(real[i] - values[i]) <= table.scales[row] / 2 + slack)
        #expect(real[i] == table.sum([(row, 1)], dim: dim)[column])
      }
    }
  }

  @Test("Bags are sums by fused multiply-adds in the order of indices", arguments: [8, 4, 2])
  func sums(bits: Int) throws {
    let random = TestRandom(UInt64(10 + bits))
    for turn in 0..<60 {
      let (rows, dim, count) = (random.int(1...30), 4 * random.int(1...12), random.int(0...25))
      let weight = try Tensor(random.floats(rows * dim, in: -2...2), shape: [rows, dim])
      let table = try Table(prepacked(weight, bits: bits), bits: bits, dim: dim)
      let indices = (0..<count).map { _ in random.int(0...(rows - 1)) }
      let factors = random.floats(count, in: -3...3)
      let begins = [0] + (0..<random.int(0...5)).map { _ in random.int(0...count) }.sorted()
      let (weighted, last) = (turn % 2 == 0, turn % 3 == 0)
      let listed = last ? begins + [count] : begins
      let result = try bags(
        table.packed, bits: bits,
        turn % 4 < 2
          ? Tensor(indices.map(Int64.init), shape: [count])
          : Tensor(indices.map(Int32.init), shape: [count]),
        offsets: Tensor(listed.map(Int32.init), shape: [listed.count]),
        weights: weighted ? Tensor(factors, shape: [count]) : nil, last: last)
      #expect(result.shape == [begins.count, dim])
      let sums: [Float] = try result.elements()
      for (b, begin) in begins.enumerated() {
        let end = b + 1 < begins.count ? begins[b + 1] : count
        let bag = (begin..<end).map { (index: indices[$0], weight: weighted ? factors[$0] : 1) }
        #expect(Array(sums[(b * dim)..<((b + 1) * dim)]) == table.sum(bag, dim: dim))
      }
    }
  }

  @Test("Rows of indices are bags of one size; single rows take any shape")
  func shapes() throws {
    let weight = try Tensor(TestRandom(3).floats(24), shape: [6, 4])
    let packed = try Functional.embeddingBagBytePrepack(weight)
    let table = try Table(packed, bits: 8, dim: 4)
    let indices = try Tensor([Int64(5), 0, 3, 3, 1, 2], shape: [2, 3])
    let sums: [Float] = try bags(packed, bits: 8, indices).elements()
    #expect(
      sums == table.sum([(5, 1), (0, 1), (3, 1)], dim: 4)
        + table.sum([(3, 1), (1, 1), (2, 1)], dim: 4))
    let transposed = try indices.transposed(0, 1)
    let rows = try Functional.embeddingByte(packed, indices: transposed)
    #expect(rows.shape == [3, 2, 4])
    #expect(try rows.elements() == [5, 3, 0, 1, 3, 2].flatMap { table.sum([($0, 1)], dim: 4) })
    let none = try Tensor([Int64](), shape: [0, 3])
    #expect(try bags(packed, bits: 8, none).shape == [0, 4])
    #expect(
      try bags(packed, bits: 8, Tensor([Int64](), shape: [2, 0])).elements()
        == [Float](repeating: 0, count: 8))
    let narrow = try Functional.embeddingBag4BitPrepack(weight)
    #expect(try Functional.embedding4Bit(narrow, indices: none).shape == [0, 3, 4])
  }

  @Test("Real tables: rows, sums, means, maxima, padding")
  func realTables() throws {
    let weight = try Tensor([1, -2, 3, 5, -7, 11] as [Float], shape: [3, 2])
    let indices = try Tensor([Int64(0), 2, 1, 2], shape: [4])
    let offsets = try Tensor([Int64(0), 3, 3], shape: [3])
    #expect(
      try Functional.embedding(indices, weight: weight).elements()
        == [1, -2, -7, 11, 3, 5, -7, 11] as [Float])
    func bag(_ mode: EmbeddingBagMode, padding: Int? = nil, weights: Tensor? = nil) throws
      -> [Float]
    {
      try Functional.embeddingBag(
        indices, weight: weight, offsets: offsets, mode: mode, perSampleWeights: weights,
        paddingIndex: padding
      ).elements()
    }
    #expect(try bag(.sum) == [-3, 14, 0, 0, -7, 11])
    #expect(try bag(.mean) == [-1, Float(14) / 3, 0, 0, -7, 11])
    #expect(try bag(.max) == [3, 11, 0, 0, -7, 11])
    #expect(try bag(.mean, padding: 2) == [2, 1.5, 0, 0, 0, 0])
    #expect(try bag(.max, padding: 1) == [1, 11, 0, 0, -7, 11])
    let weights = try Tensor([2, -1, 0, 0.5] as [Float], shape: [4])
    #expect(try bag(.sum, weights: weights) == [9, -15, 0, 0, -3.5, 5.5])
    refusal("per_sample_weights", .invalidArgument) {
      try Functional.embeddingBag(
        indices, weight: weight, offsets: offsets, mode: .max, perSampleWeights: weights)
    }
    refusal("indices", .outOfRange, "index 3") {
      try Functional.embedding(Tensor([Int32(3)], shape: [1]), weight: weight)
    }
    refusal("weight", .quantizationMismatch) {
      try Functional.embedding(
        indices, weight: Functional.quantizePerTensor(weight, scale: 1, zeroPoint: 0, dtype: .qint8)
      )
    }
  }

  @Test("What can't be packed or unpacked is refused")
  func packingRefusals() throws {
    let odd = try Tensor(TestRandom(4).floats(9), shape: [3, 3])
    refusal("weight", .shapeMismatch, "multiple of 2") { try prepacked(odd, bits: 4) }
    refusal("weight", .shapeMismatch, "multiple of 4") { try prepacked(odd, bits: 2) }
    refusal("weight", .shapeMismatch) { try prepacked(odd.select(dim: 0, index: 0), bits: 8) }
    refusal("weight", .dtypeMismatch) { try prepacked(odd.converted(to: .float64), bits: 8) }
    for value in [Float.nan, .infinity, -.infinity] {
      refusal("", .kernelFailure, "weight[0][1]") {
        try prepacked(Tensor([1, value], shape: [1, 2]), bits: 8)
      }
    }
    refusal("", .kernelFailure, "float16") {
      try prepacked(Tensor([1e6, -1e6] as [Float], shape: [1, 2]), bits: 4)
    }
    let short = try Tensor([UInt8](repeating: 0, count: 14), shape: [2, 7])
    refusal("packed", .shapeMismatch) { try unpacked(short, bits: 8) }
    refusal("packed", .shapeMismatch) { try unpacked(Tensor([UInt8](), shape: [0]), bits: 4) }
    refusal("packed", .dtypeMismatch) { try unpacked(odd, bits: 8) }
  }

  @Test("Indices, offsets and weights that don't fit are refused before anything is read")
  func lookupRefusals() throws {
    let packed = try Functional.embeddingBagBytePrepack(
      Tensor(TestRandom(5).floats(32), shape: [8, 4]))
    func indices(_ values: [Int64]) throws -> Tensor { try Tensor(values, shape: [values.count]) }
    let two = try indices([1, 2])
    for wrong in [8, -1, Int64.min, .max] {
      refusal("indices", .outOfRange, "index \(wrong) at place 1") {
        try bags(packed, bits: 8, indices([0, wrong]), offsets: indices([0]))
      }
      refusal("indices", .outOfRange, "index") {
        try Functional.embeddingByte(packed, indices: indices([wrong]))
      }
    }
    for wrong in [[1, 2], [0, 3], [0, 2, 1], [-1], [0, .max], [0, .min]] as [[Int64]] {
      refusal("offsets", .outOfRange, "offset") {
        try bags(packed, bits: 8, two, offsets: indices(wrong))
      }
    }
    refusal("offsets", .shapeMismatch, "offset") { try bags(packed, bits: 8, two) }
    refusal("offsets", .shapeMismatch) { try bags(packed, bits: 8, two, offsets: indices([])) }
    refusal("offsets", .shapeMismatch) {
      try bags(packed, bits: 8, two, offsets: indices([]), last: true)
    }
    refusal("offsets", .shapeMismatch) {
      try bags(packed, bits: 8, two, offsets: indices([0, 1]), last: true)
    }
    refusal("offsets", .shapeMismatch, "leave the offsets out") {
      try bags(packed, bits: 8, Tensor([Int64(1)], shape: [1, 1]), offsets: indices([0]))
    }
    refusal("offsets", .dtypeMismatch) {
      try bags(packed, bits: 8, two, offsets: Tensor([Float(0)], shape: [1]))
    }
    refusal("indices", .dtypeMismatch) {
      try bags(packed, bits: 8, Tensor([Float(0)], shape: [1]), offsets: indices([0]))
    }
    refusal("per_sample_weights", .shapeMismatch) {
      try bags(
        packed, bits: 8, two, offsets: indices([0]), weights: Tensor([Float(1)], shape: [1]))
    }
    refusal("per_sample_weights", .dtypeMismatch) {
      try bags(packed, bits: 8, two, offsets: indices([0]), weights: two)
    }
  }
}
