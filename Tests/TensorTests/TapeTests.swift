import OctetTensor
import Testing

/// The tape itself: leaves, sums, order, life time, guards.
struct TapeTests {
  private func leaf(_ values: [Float], _ shape: [Int]? = nil) throws -> Tensor {
    let tensor = try Tensor(values, shape: shape ?? [values.count])
    tensor.requiresGrad = true
    return tensor
  }

  @Test func productRule() throws {
    let a = try leaf([1, -2, 3])
    let b = try leaf([4, 5, -6])
    let y = a * b + a
    try y.backward(Tensor([Float(1), 10, 100], shape: [3]))
    #expect(try a.gradient?.elements(as: Float.self) == [5, 60, -500])
    #expect(try b.gradient?.elements(as: Float.self) == [1, -20, 300])
    #expect(!y.isLeaf && a.isLeaf)
  }

  @Test func broadcastOperandsGetSums() throws {
    let a = try leaf([1, 2, 3, 4, 5, 6], [2, 3])
    let b = try leaf([10, 20, 30])
    let c = try leaf([2], [1, 1])
    let y = a * b * c
    try y.backward(Tensor(repeating: Float(1), shape: [2, 3]))
    #expect(try a.gradient?.elements(as: Float.self) == [20, 40, 60, 20, 40, 60])
    #expect(try b.gradient?.elements(as: Float.self) == [10, 14, 18])
    #expect(try c.gradient?.elements(as: Float.self) == [460])
  }

  @Test func leavesAccumulate() throws {
    let a = try leaf([3])
    for _ in 0..<3 { try (a * a).backward() }
    #expect(try a.gradient?.elements(as: Float.self) == [18])
    a.gradient = nil
    #expect(a.gradient == nil && a.requiresGrad)
  }

  @Test func tapeIsFreedUnlessRetained() throws {
    let a = try leaf([3])
    let y = a * a
    try y.backward(retainGraph: true)
    try y.backward()
    #expect(try a.gradient?.elements(as: Float.self) == [12])
    #expect(throws: OctetError.self) { try y.backward() }
  }

  @Test func noGradAndDetach() throws {
    let a = try leaf([3])
    #expect(noGrad { (a * a).requiresGrad } == false)
    #expect(noGrad { enableGrad { (a * a).requiresGrad } })
    let y = a * (a * a).detached()
    try y.backward()
    #expect(try a.gradient?.elements(as: Float.self) == [9])
  }

  @Test func inPlaceChangesAreNoticed() throws {
    let a = try leaf([3])
    let b = try leaf([4])
    let y = a * b
    #expect(throws: OctetError.self) { try b.copy(from: Tensor([Float(7)], shape: [1])) }
    try noGrad { try b.copy(from: Tensor([Float(7)], shape: [1])) }
    #expect(throws: OctetError.self) { try y.backward() }
    // A sum reads nothing.
    let z = a + b
    try noGrad { try b.copy(from: Tensor([Float(8)], shape: [1])) }
    try z.backward()
    #expect(try b.gradient?.elements(as: Float.self) == [1])
  }

  @Test func hooksReplaceAndGoAway() throws {
    let a = try leaf([3])
    let middle = a * a
    middle.retainGradient()
    let hook = a.addGradientHook { $0 + $0 }
    try (middle + a).backward()
    #expect(try a.gradient?.elements(as: Float.self) == [14])
    #expect(try middle.gradient?.elements(as: Float.self) == [1])
    hook?.remove()
    a.gradient = nil
    try (a + a).backward()
    #expect(try a.gradient?.elements(as: Float.self) == [2])
  }

  @Test func longChainsNeitherOverflowNorLeak() throws {
    let a = try leaf([1])
    let one = try Tensor([Float(1)], shape: [1])
    var y = a
    for _ in 0..<100_000 { y = y + one }
    try y.backward()
    #expect(try a.gradient?.elements(as: Float.self) == [1])
    // Dropping an unwalked chain unlinks it without recursion.
    y = a
    for _ in 0..<100_000 { y = y + one }
    y = one
  }

  @Test func errorsName() throws {
    let a = try leaf([1, 2])
    #expect(throws: OctetError.self) { try (a * a).backward() }
    #expect(throws: OctetError.self) { try Tensor([Float(1)], shape: [1]).backward() }
    #expect(throws: OctetError.self) {
      try (a * a).backward(Tensor([Float(1)], shape: [1]))
    }
  }

  @Test func linearByHand() throws {
    let x = try leaf([1, 2, 3, 4], [2, 2])
    let w = try leaf([1, -1, 2, 0, 0.5, 3], [3, 2])
    let b = try leaf([0, 1, 2])
    let y = try Functional.linear(x, weight: w, bias: b).relu()
    try y.backward(Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3]))
    // Rows before relu: [-1, 3, 8.5], [-1, 7, 15.5].
    #expect(try x.gradient?.elements(as: Float.self) == [5.5, 9, 13, 18])
    #expect(try w.gradient?.elements(as: Float.self) == [0, 0, 17, 24, 21, 30])
    #expect(try b.gradient?.elements(as: Float.self) == [0, 7, 9])
  }
}
