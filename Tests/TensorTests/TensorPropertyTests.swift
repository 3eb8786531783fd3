import OctetTensor
import OctetTestSupport
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A tensor of any dtype and scheme, with the extremes among its elements.
private func draw(_ random: TestRandom, _ pair: WalkPair) throws -> Tensor {
  let shape = random.shape(
    random.int(pair.scheme == .plain || pair.scheme == .perTensor ? 0...4 : 1...4))
  let count = shape.reduce(1, *)
  var bytes = random.bytes((count * pair.dtype.bitWidth + 7) / 8)
  if pair.dtype == .bool { bytes = bytes.map { $0 & 1 } }
  let quantizer = try pair.scheme.tensor(shape, pair.dtype).quantizer
  return try bytes.withUnsafeBytes {
    try Tensor(
      bytes: $0, shape: shape, dtype: pair.dtype, quantizer: quantizer, operation: "test")
  }
}

private func stored(_ tensor: Tensor) throws -> [UInt8] {
  try tensor.contiguous().withBytes { Array($0) }
}

@Suite("Properties of tensors over 10,000 draws")
struct TensorPropertyTests {
  private static let draws = 10_000 / WalkPair.all.count + 1

  @Test("Decoding gives back what was encoded, bit by bit", arguments: WalkPair.all)
  func coding(_ pair: WalkPair) throws {
    let random = TestRandom(3)
    let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
    for _ in 0..<Self.draws {
      let x = try draw(random, pair)
      let y = try decoder.decode(Tensor.self, from: encoder.encode(x))
      #expect(y.shape == x.shape && y.dtype == x.dtype && y.quantizer == x.quantizer)
      #expect(try stored(y) == stored(x))
    }
  }

  @Test("Damaged encodings are errors, and never trap or allocate what they claim")
  func damaged() throws {
    let random = TestRandom(5)
    let decoder = JSONDecoder()
    var refused = 0
    for _ in 0..<2_000 {
      let x = try draw(random, random.pick(WalkPair.all))
      var text = [UInt8](try JSONEncoder().encode(x))
      for _ in 0...random.int(0...2) {
        text[random.int(0...(text.count - 1))] = random.pick(Array("0123456789-e[]{},:\"aA=/".utf8))
      }
      if (try? decoder.decode(Tensor.self, from: Data(text))) == nil { refused += 1 }
    }
    #expect(refused > 500)
    for text in [
      #"{"shape":[9223372036854775807,2],"dtype":"float32","data":""}"#,
      #"{"shape":[1000000000000],"dtype":"float32","data":"AAAA"}"#,
      #"{"shape":[-1],"dtype":"float32","data":""}"#,
      #"{"shape":[1],"dtype":"quint8","data":"AA=="}"#,
      #"{"shape":[1],"dtype":"float32","data":"AAAA"}"#,
      #"{"shape":[3],"dtype":"bool","data":"AAEC"}"#,
      #"{"shape":[1],"dtype":"uint8","data":"AB=="}"#,
      #"{"shape":[1],"dtype":"uint8","data":"A==="}"#,
      #"{"shape":[1],"dtype":"qint8","data":"AA==","quantizer":{"scheme":"per_tensor_affine","scales":[0],"zeroPoints":[0]}}"#,
      #"{"shape":[1],"dtype":"qint8","data":"AA==","quantizer":{"scheme":"per_tensor_affine","scales":[1],"zeroPoints":[128]}}"#,
      #"{"shape":[1],"dtype":"qint8","data":"AA==","quantizer":{"scheme":"per_channel_affine","scales":[1,1],"zeroPoints":[0,0],"axis":0}}"#,
      #"{"shape":[1],"dtype":"qint8","data":"AA==","quantizer":{"scheme":"per_channel_affine","scales":[1],"zeroPoints":[0],"axis":4611686018427387904}}"#,
      #"{"shape":[1],"dtype":"qint8","data":"AA==","quantizer":{"scheme":"per_tensor_affine","scales":[],"zeroPoints":[]}}"#,
    ] {
      #expect(throws: (any Error).self, "\(text)") {
        try decoder.decode(Tensor.self, from: Data(text.utf8))
      }
    }
  }

  @Test("Assigning is quantizing what was dequantized")
  func assignment() throws {
    let random = TestRandom(7)
    let quantized: [DType] = [.quint8, .qint8, .qint32]
    for _ in 0..<10_000 {
      let shape = random.shape(random.int(1...3))
      let (from, to) = (random.pick(quantized), random.pick(quantized))
      func quantizer(_ dtype: DType) throws -> Quantizer {
        try Quantizer(
          scale: Double(random.int(1...4000)) / 1000, zeroPoint: random.int(0...127),
          dtype: dtype)
      }
      let count = shape.reduce(1, *)
      let reals = try Tensor(random.floats(count, in: -300...300), shape: shape)
      let source = try Functional.quantize(reals, quantizer(from), dtype: from)
      let target = try Functional.quantize(Tensor.zeros(shape), quantizer(to), dtype: to)
      target[.ellipsis] = source
      guard let kept = target.quantizer else { return }
      let expected =
        from == to && source.quantizer == kept
        ? source : try Functional.quantize(source.dequantized(), kept, dtype: to)
      #expect(target == expected)
    }
  }

  @Test("Views alias, clones don't")
  func aliasing() throws {
    let random = TestRandom(11)
    for _ in 0..<10_000 {
      let pair = random.pick(WalkPair.all.filter { $0.dtype.bitWidth >= 8 && $0.dtype != .bool })
      let x = try draw(random, pair)
      guard x.count > 0, x.rank > 0 else { continue }
      let d = random.int(0...(x.rank - 1))
      let index = random.int(0...(x.shape[d] - 1))
      // Per-channel slices of real zero points exist along other dimensions only.
      guard let view = try? x.select(dim: d, index: index) else { continue }
      let copy = try view.clone()
      let before = try stored(view)
      #expect(view.storage === x.storage && copy.storage !== x.storage)
      // Turn every bit of the tensor round: the view shows it, the clone doesn't.
      for i in 0..<x.storage.byteCount {
        let byte = x.storage.bytes.load(fromByteOffset: i, as: UInt8.self)
        x.storage.bytes.storeBytes(of: ~byte, toByteOffset: i, as: UInt8.self)
      }
      #expect(try stored(view) == before.map { ~$0 })
      #expect(try stored(copy) == before)
    }
  }
}

@Suite("Memory without a copy")
struct BufferTests {
  @Test("Adopted memory is read and written in place and given back once")
  func adopted() throws {
    final class Counter: @unchecked Sendable { var releases = 0 }
    let counter = Counter()
    let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 6)
    for i in 0..<6 { memory[i] = Float(i) }
    do {
      let x = try Tensor(adopting: memory, shape: [2, 3]) { counter.releases += 1 }
      let view = x[1]
      #expect(try view.elements(as: Float.self) == [3, 4, 5])
      view[0] = Tensor(scalar: Float(-1))
      #expect(memory[3] == -1 && counter.releases == 0)
      #expect(x.withElements(Float.self) { $0.baseAddress == UnsafePointer(memory.baseAddress) })
    }
    #expect(counter.releases == 1)
    #expect(throws: OctetError.self) { try Tensor(adopting: memory, shape: [7]) {} }
    memory.deallocate()
  }

  @Test("Elements are written into fresh memory and read from any strides")
  func filling() throws {
    let x = try Tensor(shape: [2, 3]) { (elements: UnsafeMutableBufferPointer<Int32>) in
      for i in elements.indices { elements[i] = Int32(i) }
    }
    #expect(try x.withUnsafeElements(as: Int32.self) { Array($0) } == [0, 1, 2, 3, 4, 5])
    let turned = try x.transposed(0, 1)
    #expect(try turned.withUnsafeElements(as: Int32.self) { Array($0) } == [0, 3, 1, 4, 2, 5])
    #expect(throws: OctetError.self) {
      try turned.withUnsafeMutableElements(as: Int32.self) { $0[0] = 1 }
    }
    try x.withUnsafeMutableElements(as: Int32.self) { $0[5] = 50 }
    #expect(try turned.elements(as: Int32.self) == [0, 3, 1, 4, 2, 50])
    #expect(throws: OctetError.self) { try x.withUnsafeElements(as: Float.self) { $0.count } }
    #expect(try Tensor(rows: [[Int8(1), 2], [3, 4]]).shape == [2, 2])
  }

  @Test("Equality is torch's: numbers by value, integers with their quantizer")
  func equality() throws {
    let x = try Tensor([Float(0), 1], shape: [2])
    #expect(try x == Tensor([Float(-0.0), 1], shape: [2]))
    #expect(try x != Tensor([Float(0), .nan], shape: [2]))
    let nan = try Tensor([Float.nan], shape: [1])
    #expect(nan != nan)
    #expect(try x != x.converted(to: .float64) && x != x.reshaped([1, 2]))
    let q = try Functional.quantizePerTensor(x, scale: 1, zeroPoint: 0, dtype: .quint8)
    #expect(try q == q.clone())
    #expect(
      try q != Functional.quantizePerTensor(x, scale: 1, zeroPoint: 0, dtype: .qint8) && q != x)
  }
}
