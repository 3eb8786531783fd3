import OctetTensor
import Testing

@Suite("Printing tensors")
struct DescriptionTests {
  @Test func valuesShapeAndType() throws {
    let x = try Tensor([1, 2.5, -3, 4] as [Float], shape: [2, 2])
    #expect(x.description == "Tensor([[1.0, 2.5], [-3.0, 4.0]], shape: [2, 2], dtype: float32)")
    #expect(Tensor(scalar: Int64(7)).description == "Tensor(7, shape: [], dtype: int64)")
    #expect(
      try Tensor([true, false], shape: [2]).description
        == "Tensor([true, false], shape: [2], dtype: bool)")
  }

  @Test func quantizedTensorsShowRealValuesAndParameters() throws {
    let x = try Tensor([0, 1] as [Float], shape: [2])
    let q = try Functional.quantizePerTensor(x, scale: 0.5, zeroPoint: 3, dtype: .quint8)
    #expect(
      q.description
        == "Tensor([0.0, 1.0], shape: [2], dtype: quint8, scale: 0.5, zeroPoint: 3)")
    let c = try Functional.quantizePerChannel(
      x, scales: [0.5, 1], zeroPoints: [0, 1], axis: 0, dtype: .qint8)
    #expect(c.description.hasSuffix("scales: [0.5, 1.0], zeroPoints: [0, 1], axis: 0)"))
  }

  @Test func longDimensionsAreShortened() throws {
    let x = try Tensor((0..<100).map { Int32($0) }, shape: [100])
    #expect(
      x.description == "Tensor([0, 1, 2, ..., 97, 98, 99], shape: [100], dtype: int32)")
  }
}
