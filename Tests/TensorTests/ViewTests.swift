import OctetTensor
import Testing

@Suite("Views share storage and keep the quantizer's meaning")
struct ViewTests {
  private func iota(_ shape: [Int]) throws -> Tensor {
    try Tensor((0..<shape.reduce(1, *)).map { Float($0) }, shape: shape)
  }

  @Test func selectTakesASlice() throws {
    let x = try iota([2, 3, 4])
    #expect(
      try x.select(dim: 1, index: 2).elements(as: Float.self) == [8, 9, 10, 11, 20, 21, 22, 23])
    #expect(try x.select(dim: -1, index: -1).shape == [2, 3])
    #expect(try x.select(dim: 0, index: 1).storage === x.storage)
  }

  @Test func sliceSteps() throws {
    let x = try iota([6])
    #expect(try x.slice(dim: 0, 1..<6, step: 2).elements(as: Float.self) == [1, 3, 5])
    #expect(try x.slice(dim: 0, 2..<2).elements(as: Float.self) == [])
  }

  @Test func permuteThenReshapeCopies() throws {
    let x = try iota([2, 3])
    let t = try x.transposed(0, 1)
    #expect(t.strides == [1, 3])
    #expect(try t.elements(as: Float.self) == [0, 3, 1, 4, 2, 5])
    #expect(throws: OctetError.self) { try t.view([6]) }
    #expect(try t.reshaped([6]).elements(as: Float.self) == [0, 3, 1, 4, 2, 5])
  }

  @Test func viewInfersOneSize() throws {
    let x = try iota([2, 3, 4])
    #expect(try x.view([-1, 4]).shape == [6, 4])
    #expect(throws: OctetError.self) { try x.view([-1, 5]) }
    #expect(throws: OctetError.self) { try x.view([-1, -1]) }
  }

  @Test func viewOfAStridedTensorWhereStridesAllow() throws {
    let x = try iota([2, 3, 4]).slice(dim: 0, 0..<2).permuted([0, 1, 2]).slice(dim: 1, 0..<2)
    #expect(
      try x.view([2, 8]).elements(as: Float.self) == [
        0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17, 18, 19,
      ])
    #expect(throws: OctetError.self) { try x.view([16]) }
  }

  @Test func channelAxisFollowsViews() throws {
    let q = try Functional.quantizePerChannel(
      iota([2, 3, 4]), scales: [1, 2, 3], zeroPoints: [0, 1, 2], axis: 1, dtype: .quint8)
    #expect(try q.permuted([1, 0, 2]).quantizer?.axis == 0)
    #expect(try q.unsqueezed(0).quantizer?.axis == 2)
    #expect(try q.select(dim: 0, index: 1).quantizer?.axis == 0)
    #expect(try q.view([2, 3, 2, 2]).quantizer?.axis == 1)
    let sliced = try q.slice(dim: 1, 1..<3)
    #expect(
      sliced.quantizer?.parameters == .perChannel(scales: [2, 3], zeroPoints: [1, 2], axis: 1))
    #expect(
      try q.select(dim: 1, index: 2).quantizer?.parameters == .perTensor(scale: 3, zeroPoint: 2))
    #expect(throws: OctetError.self) { try q.view([6, 4]) }
    #expect(throws: OctetError.self) { try q.flattened(from: 1) }
  }

  @Test func dequantizingAViewIsViewingTheDequantized() throws {
    let q = try Functional.quantizePerChannel(
      iota([2, 3, 4]), scales: [0.5, 0.25, 0.125], zeroPoints: [0, 3, 7], axis: 1, dtype: .quint8)
    let real = try q.dequantized()
    let views: [(Tensor) throws -> Tensor] = [
      { try $0.permuted([2, 1, 0]) }, { try $0.slice(dim: 1, 0..<3, step: 2) },
      { try $0.select(dim: 2, index: 3) }, { try $0.unsqueezed(1) },
    ]
    for view in views {
      #expect(
        try view(q).dequantized().elements(as: Float.self) == view(real).elements(as: Float.self))
    }
  }

  @Test func channelsLastKeepsLogicalOrder() throws {
    let x = try iota([2, 3, 2, 2])
    let last = try x.contiguous(.channelsLast)
    #expect(last.strides == [12, 1, 6, 3])
    #expect(try last.elements(as: Float.self) == x.elements(as: Float.self))
    #expect(try last.contiguous().strides == x.strides)
  }

  @Test func zeroSizesAreLegal() throws {
    let x = try iota([0, 3])
    #expect(try x.flattened().shape == [0])
    #expect(try x.transposed(0, 1).contiguous().elements(as: Float.self) == [])
    #expect(try Functional.relu(x).shape == [0, 3])
  }

  @Test(arguments: [
    ([Int.max, 2], "sizes"), ([-1, 2], "sizes"), ([3, Int.max / 2, 8], "sizes"),
  ])
  func impossibleShapesAreErrors(shape: [Int], word: String) {
    let error = #expect(throws: OctetError.self) {
      try Tensor(repeating: Float(0), shape: shape)
    }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.expected.contains(word) == true)
  }
}
