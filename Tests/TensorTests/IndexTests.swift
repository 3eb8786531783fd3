import OctetTensor
import OctetTestSupport
import Testing

@Suite("x[1, 2..., .all]")
struct IndexTests {
  private func counting(_ shape: [Int]) throws -> Tensor {
    try Tensor.arange(Double(shape.reduce(1, *))).reshaped(shape)
  }

  @Test("Every kind of index, as in torch")
  func kinds() throws {
    let x = try counting([2, 3, 4])
    func values(_ tensor: Tensor) throws -> [Float] { try tensor.elements() }
    #expect(try values(x[1, 2]) == [20, 21, 22, 23])
    #expect(try values(x[1, 2..., .all]) == [20, 21, 22, 23])
    #expect(x[1, 2..., .all].shape == [1, 4])
    #expect(try values(x[0, .all, 0]) == [0, 4, 8])
    #expect(try values(x[-1, .last, .fromEnd(2)]) == [22])
    #expect(try values(x[.ellipsis, 3]) == [3, 7, 11, 15, 19, 23])
    #expect(x[.ellipsis].shape == [2, 3, 4] && x[0, .ellipsis, 0].shape == [3])
    #expect(x[.newAxis, 0, .newAxis].shape == [1, 1, 3, 4])
    #expect(try values(x[0, ..<2, 1...2]) == [1, 2, 5, 6])
    #expect(try values(x[0, ...1, 0]) == [0, 4])
    #expect(try values(x[0, 0, .slice(from: 1, by: 2)]) == [1, 3])
    #expect(try values(x[0, 0, .slice(from: -3, to: -1)]) == [1, 2])
    #expect(x[0..<0].shape == [0, 3, 4] && x[2...].count == 0)
    #expect(x[0, 0, 0, .newAxis].shape == [1])
    // Views alias.
    try x[1].fill(7)
    #expect(try x[1, 0, 0].item() == 7)
    #expect(try x[0, 0, 3].item() == 3)
  }

  @Test("Assignment is by real value, broadcast and converted")
  func assignment() throws {
    let x = try counting([2, 3])
    x[0] = try Tensor([Float(7), 8, 9], shape: [3])
    x[.all, 1] = Tensor(scalar: Int64(-1))
    #expect(try x.elements(as: Float.self) == [7, -1, 9, 3, -1, 5])
    // From itself, though source and target overlap.
    x[0, 1...] = x[0, ..<2]
    #expect(try x.elements(as: Float.self) == [7, 7, -1, 3, -1, 5])
    let q = try Functional.quantizePerTensor(x, scale: 0.5, zeroPoint: 10, dtype: .quint8)
    q[1] = try Tensor([Float(1.3), 100, -100], shape: [3])
    #expect(try q.elements(as: UInt8.self) == [24, 24, 8, 13, 210, 0])
    let other = try Tensor(
      integers: [Int8(4), -3, 0], shape: [3], dtype: .qint8,
      quantizer: Quantizer(scale: 0.25, zeroPoint: 0, dtype: .qint8))
    q[0] = other
    // 1, -0.75 (a tie at -1.5 steps, to even) and 0.
    #expect(try q.elements(as: UInt8.self)[..<3] == [12, 8, 10])
    x[0] = q[0]
    #expect(try x.elements(as: Float.self)[..<3] == [1, -1, 0])
    #expect(throws: OctetError.self) { try collectingErrors { x[0] = x } }
  }

  @Test("Per-channel tensors take the parameters of the place")
  func channels() throws {
    let x = try Functional.quantizePerChannel(
      Tensor.zeros([2, 3]), scales: [0.5, 2], zeroPoints: [1, -1], axis: 0, dtype: .qint8)
    x[.all, 0] = try Tensor([Float(2), 4], shape: [2])
    x[1] = Tensor(scalar: Float(6))
    #expect(try x.elements(as: Int8.self) == [5, 1, 1, 2, 2, 2])
  }

  @Test("copyIntRepr takes the integers as they are")
  func rawCopy() throws {
    let x = try Functional.quantizePerTensor(
      Tensor.zeros([3]), scale: 0.5, zeroPoint: 10, dtype: .quint8)
    let source = try Functional.quantizePerTensor(
      Tensor([Float(1), 2, 3], shape: [3]), scale: 1, zeroPoint: 0, dtype: .quint8)
    let before = x.quantizer
    try x.copyIntRepr(from: source)
    #expect(try x.elements(as: UInt8.self) == [1, 2, 3] && x.quantizer == before)
    try x.copyIntRepr(from: Tensor([UInt8(9), 8, 7], shape: [3]))
    #expect(try x.elements(as: UInt8.self) == [9, 8, 7])
    try x[1...].copyIntRepr(from: x[..<2])
    #expect(try x.elements(as: UInt8.self) == [9, 9, 8])
  }

  @Test("The tape notices assignments, and refuses those it can't know")
  func tape() throws {
    let x = try counting([3])
    x.requiresGrad = true
    let error = #expect(throws: OctetError.self) {
      try collectingErrors { x[0] = Tensor(scalar: Float(1)) }
    }
    #expect(error?.fix.contains("noGrad") == true)
    noGrad { x[0] = Tensor(scalar: Float(5)) }
    #expect(try x[0].item() == 5)
    // Gradients pass through what is read.
    try (x[1...] * x[..<2]).sum().backward()
    #expect(try x.gradient?.elements(as: Float.self) == [1, 7, 1])
  }
}
