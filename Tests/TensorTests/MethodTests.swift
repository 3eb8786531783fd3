import OctetTensor
import Testing

/// Quantized bytes 0, 1, 2, … under a per-tensor quantizer.
private func counting(_ shape: [Int], scale: Double = 0.5, zeroPoint: Int = 2) throws -> Tensor {
  try Tensor(
    integers: (0..<shape.reduce(1, *)).map { UInt8($0) }, shape: shape, dtype: .quint8,
    quantizer: Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: .quint8))
}

private func channels() throws -> Tensor {
  try Tensor(
    integers: [Int8(1), 2, 3, 4, 5, 6], shape: [2, 3], dtype: .qint8,
    quantizer: Quantizer(
      scales: [0.5, 2], zeroPoints: [1, -1], axis: 0, shape: [2, 3], dtype: .qint8))
}

@Suite("Methods of quantized tensors")
struct MethodTests {
  @Test("asStrided and expand alias, and stay inside the storage")
  func stridedViews() throws {
    let x = try counting([3, 4])
    let view = try x.asStrided([2, 2], strides: [5, 1], offset: 1)
    #expect(try view.elements(as: UInt8.self) == [1, 2, 6, 7])
    #expect(view.quantizer == x.quantizer)
    let wide = try x.slice(dim: 0, 1..<2).expanded([2, 3, -1])
    #expect(wide.shape == [2, 3, 4] && wide.strides[1] == 0)
    #expect(try wide.elements(as: UInt8.self) == (0..<6).flatMap { _ in [UInt8(4), 5, 6, 7] })
    #expect(try x.asStrided([0, 5], strides: [1, 1], offset: 12).count == 0)
    #expect(throws: OctetError.self) { try x.asStrided([2, 2], strides: [11, 1], offset: 0) }
    #expect(throws: OctetError.self) { try x.asStrided([2], strides: [Int.max]) }
    #expect(throws: OctetError.self) { try x.asStrided([Int.max, 2], strides: [0, 0]) }
    #expect(throws: OctetError.self) { try x.asStrided([1], strides: [1], offset: -1) }
    #expect(throws: OctetError.self) { try x.asStrided([1], strides: [-1]) }
    #expect(throws: OctetError.self) { try x.expanded([4, 4]) }
    #expect(throws: OctetError.self) { try x.expanded([-1, 3, 4]) }
    #expect(throws: OctetError.self) { try channels().expanded([2, 2, 3]) }
  }

  @Test("A step beyond the range takes one element")
  func largeStep() throws {
    let x = try counting([5])
    #expect(try x.slice(dim: 0, 1..<4, step: Int.max).elements(as: UInt8.self) == [1])
    #expect(try x.slice(dim: 0, 1..<4, step: 2).elements(as: UInt8.self) == [1, 3])
    #expect(try x.slice(dim: 0, 2..<2, step: 3).count == 0)
  }

  @Test("A slice of the channel axis has that channel's parameters")
  func selectChannel() throws {
    let row = try channels().select(dim: 0, index: 1)
    #expect(row.quantizer?.parameters == .perTensor(scale: 2, zeroPoint: -1))
    #expect(try row.dequantized().elements(as: Float.self) == [10, 12, 14])
    let column = try channels().select(dim: 1, index: 0)
    #expect(column.quantizer?.axis == 0)
    #expect(try column.dequantized().elements(as: Float.self) == [0, 10])
  }

  @Test("Parameters under torch's names, refused for the other kind of scheme")
  func parameters() throws {
    let x = try counting([2])
    #expect(try x.qScale() == 0.5)
    #expect(try x.qZeroPoint() == 2)
    #expect(throws: OctetError.self) { try x.qPerChannelScales() }
    #expect(throws: OctetError.self) { try x.qPerChannelAxis() }
    let y = try channels()
    #expect(try y.qPerChannelScales().elements(as: Double.self) == [0.5, 2])
    #expect(try y.qPerChannelZeroPoints().elements(as: Int64.self) == [1, -1])
    #expect(try y.qPerChannelAxis() == 0)
    #expect(throws: OctetError.self) { try y.qScale() }
    #expect(throws: OctetError.self) { try Tensor(scalar: Float(1)).qScale() }
  }

  @Test("copy quantizes reals, adopts quantizers, converts plain types, refuses the rest")
  func copy() throws {
    let x = try counting([2, 2])
    try x.copy(from: Tensor([Float(-1), 0, 0.75, 1000], shape: [2, 2]))
    #expect(try x.elements(as: UInt8.self) == [0, 2, 4, 255])
    let other = try counting([2, 2], scale: 3, zeroPoint: 7)
    try x.copy(from: other)
    #expect(x.quantizer == other.quantizer)
    #expect(try x.elements(as: UInt8.self) == [0, 1, 2, 3])
    let plain = try Tensor([Int32(0), 0], shape: [2])
    try plain.copy(from: Tensor([Float(1.9), -2.9], shape: [2]))
    #expect(try plain.elements(as: Int32.self) == [1, -2])
    #expect(throws: OctetError.self) { try x.copy(from: counting([4])) }
    #expect(throws: OctetError.self) {
      try Tensor([Float(0), 0, 0, 0], shape: [2, 2]).copy(from: x)
    }
    // Writing into a view writes into the tensor it comes from.
    let host = try counting([2, 3])
    try host.select(dim: 1, index: 1).copy(from: Tensor([Float(0), 0.5], shape: [2]))
    #expect(try host.elements(as: UInt8.self) == [0, 2, 2, 3, 3, 5])
  }

  @Test("resize keeps the first elements and adds zeros")
  func resize() throws {
    let x = try counting([2, 3])
    try x.resize([2, 2])
    #expect(try x.elements(as: UInt8.self) == [0, 1, 2, 3])
    try x.resize([8])
    #expect(try x.elements(as: UInt8.self) == [0, 1, 2, 3, 4, 5, 0, 0])
    #expect(throws: OctetError.self) { try x.resize([-1]) }
    #expect(throws: OctetError.self) { try x.resize([Int.max / 2]) }
    #expect(throws: OctetError.self) { try channels().resize([3]) }
  }

  @Test("Comparisons are of real values, broadcast, and false for NaN")
  func comparisons() throws {
    let x = try counting([2, 2])
    let row = try Tensor([Float(-0.5), .nan], shape: [2])
    func truth(_ tensor: Tensor) throws -> [UInt8] {
      #expect(tensor.dtype == .bool && tensor.shape == [2, 2])
      return try tensor.converted(to: .uint8).elements()
    }
    // x is -1, -0.5, 0, 0.5.
    #expect(try truth(Functional.equalElements(x, row)) == [0, 0, 0, 0])
    #expect(try truth(Functional.unequalElements(x, row)) == [1, 1, 1, 1])
    #expect(try truth(Functional.less(x, row)) == [1, 0, 0, 0])
    #expect(try truth(Functional.lessOrEqual(x, row)) == [1, 0, 0, 0])
    #expect(try truth(Functional.greater(x, row)) == [0, 0, 1, 0])
    #expect(try truth(Functional.greaterOrEqual(x, Tensor(scalar: Float(0)))) == [0, 0, 1, 1])
    #expect(throws: OctetError.self) {
      try Functional.less(x, Tensor([Float(0)], shape: [1, 1, 0]))
    }
    #expect(try x.equal(counting([2, 2])))
    #expect(try !x.equal(counting([2, 2], zeroPoint: 3)))
    #expect(try !x.equal(counting([4])))
  }

  @Test("flip, tile and indexSelect put elements in their places")
  func rearrange() throws {
    let x = try counting([2, 3])
    #expect(try Functional.flip(x, dims: [0, -1]).elements(as: UInt8.self) == [5, 4, 3, 2, 1, 0])
    #expect(try Functional.flip(x, dims: [1]).elements(as: UInt8.self) == [2, 1, 0, 5, 4, 3])
    #expect(throws: OctetError.self) { try Functional.flip(x, dims: [1, -1]) }
    let tiled = try Functional.tile(x, counts: [2, 1, 2])
    #expect(tiled.shape == [2, 2, 6])
    #expect(
      try tiled.elements(as: UInt8.self)
        == (0..<2).flatMap { _ in [UInt8(0), 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5] })
    #expect(throws: OctetError.self) { try Functional.tile(x, counts: [2]) }
    #expect(throws: OctetError.self) { try Functional.tile(x, counts: [Int.max, Int.max]) }
    let picked = try Functional.indexSelect(
      x, dim: 1, index: Tensor([Int64(2), 0, 2, 1], shape: [4]))
    #expect(try picked.elements(as: UInt8.self) == [2, 0, 2, 1, 5, 3, 5, 4])
    #expect(throws: OctetError.self) {
      try Functional.indexSelect(x, dim: 1, index: Tensor([Int64(3)], shape: [1]))
    }
  }

  @Test("Reflection leaves the edge out, keeps quantizer and memory format")
  func reflection() throws {
    let x = try counting([1, 1, 2, 3])
    let padded = try Functional.reflectionPad(x, before: [1, 2], after: [0, 1])
    #expect(padded.shape == [1, 1, 3, 6])
    #expect(
      try padded.elements(as: UInt8.self) == [
        5, 4, 3, 4, 5, 4,
        2, 1, 0, 1, 2, 1,
        5, 4, 3, 4, 5, 4,
      ])
    #expect(padded.quantizer == x.quantizer)
    #expect(throws: OctetError.self) {
      try Functional.reflectionPad(x, before: [2, 0], after: [0, 0])
    }
    #expect(throws: OctetError.self) {
      try Functional.reflectionPad(x, before: [0], after: [0, 0])
    }
  }

  @Test("Extrema: the first of equal elements, NaN wins")
  func extrema() throws {
    let x = try Tensor(
      integers: [Int8(3), -128, 3, 127, 127, -128], shape: [2, 3], dtype: .qint8,
      quantizer: Quantizer(scale: 1, zeroPoint: 0, dtype: .qint8))
    let largest = try Functional.maximum(x, dim: 1)
    #expect(try largest.values.elements(as: Int8.self) == [3, 127])
    #expect(try largest.indices.elements(as: Int64.self) == [0, 0])
    let smallest = try Functional.minimum(x, dim: 0, keepDim: true)
    #expect(smallest.values.shape == [1, 3])
    #expect(try smallest.values.elements(as: Int8.self) == [3, -128, -128])
    #expect(try smallest.indices.elements(as: Int64.self) == [0, 0, 1])
    #expect(try Functional.maximum(x).elements(as: Int8.self) == [127])
    #expect(try Functional.minimum(x).shape == [])
    let reals = try Tensor([Float(1), .nan, .infinity], shape: [3])
    #expect(try Functional.maximum(reals, dim: 0).indices.item() == 1)
    #expect(try Functional.minimum(reals).item().isNaN)
    #expect(throws: OctetError.self) { try Functional.maximum(Tensor([Float](), shape: [0])) }
    #expect(throws: OctetError.self) { try Functional.maximum(channels()) }
  }

  @Test("Sorting is stable both ways; NaN is larger than every number")
  func sorting() throws {
    let x = try Tensor([Float(2), .nan, 1, 2, -.infinity, 1], shape: [6])
    let up = try Functional.sort(x)
    #expect(try up.indices.elements(as: Int64.self) == [4, 2, 5, 0, 3, 1])
    let down = try Functional.sort(x, descending: true)
    #expect(try down.indices.elements(as: Int64.self) == [1, 0, 3, 2, 5, 4])
    let y = try counting([2, 3])
    let columns = try Functional.sort(y, dim: 0, descending: true)
    #expect(try columns.values.elements(as: UInt8.self) == [3, 4, 5, 0, 1, 2])
    #expect(columns.values.quantizer == y.quantizer)
    let top = try Functional.topK(y, k: 2)
    #expect(try top.values.elements(as: UInt8.self) == [2, 1, 5, 4])
    #expect(try top.indices.elements(as: Int64.self) == [2, 1, 2, 1])
    #expect(try Functional.topK(y, k: 0).values.shape == [2, 0])
    #expect(throws: OctetError.self) { try Functional.topK(y, k: 4) }
  }

  @Test("Means of integers round to even; over outer dimensions the real values are averaged")
  func means() throws {
    let x = try Tensor(
      integers: [UInt8(0), 1, 2, 3, 255, 254], shape: [3, 2], dtype: .quint8,
      quantizer: Quantizer(scale: 0.5, zeroPoint: 9, dtype: .quint8))
    #expect(try Functional.mean(x, dims: [1]).elements(as: UInt8.self) == [0, 2, 254])
    #expect(try Functional.mean(x, dims: [-1], keepDims: true).shape == [3, 1])
    #expect(try Functional.mean(x, dims: [0]).elements(as: UInt8.self) == [86, 86])
    #expect(try Functional.mean(x).elements(as: UInt8.self) == [86])
    let reals = try Tensor([Float(1), 2, 3, 5], shape: [2, 2])
    #expect(try Functional.mean(reals, dims: [0]).elements(as: Float.self) == [2, 3.5])
    #expect(try Functional.mean(Tensor([Float](), shape: [0])).item().isNaN)
    #expect(throws: OctetError.self) { try Functional.mean(x, dims: [0, -2]) }
    #expect(throws: OctetError.self) { try Functional.mean(x, dims: [2]) }
    #expect(throws: OctetError.self) { try Functional.mean(channels()) }
  }
}
