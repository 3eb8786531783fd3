import OctetTensor
import Testing

@Suite("Mistakes become errors that teach, and the process lives")
struct ErrorTests {
  private func x(_ shape: [Int]) throws -> Tensor { try Tensor(repeating: Float(1), shape: shape) }

  @Test func linearNamesBothShapes() throws {
    let error = #expect(throws: OctetError.self) {
      try Functional.linear(x([2, 3]), weight: x([4, 5]))
    }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.operation == "linear")
    #expect(error?.argument == "input")
    #expect(error?.description.contains("[..., 5]") == true)
    #expect(error?.description.contains("[2, 3]") == true)
  }

  @Test func convolutionNamesChannels() throws {
    let error = #expect(throws: OctetError.self) {
      try Functional.convolution(
        x([1, 3, 5, 5]), weight: x([4, 2, 3, 3]), stride: [1, 1], padding: [0, 0],
        dilation: [1, 1])
    }
    #expect(error?.description.contains("2 channels") == true)
    #expect(error?.description.contains("3 channels") == true)
  }

  @Test(arguments: [
    ([0, 1], [0, 0], [1, 1], 1, "stride"), ([1, 1], [-1, 0], [1, 1], 1, "padding"),
    ([1, 1], [0, 0], [0, 1], 1, "dilation"), ([1], [0, 0], [1, 1], 1, "stride"),
    ([1, 1], [0, 0], [1, 1], 0, "groups"), ([1, 1], [0, 0], [1, 1], 3, "groups"),
  ])
  func convolutionRefusesItsAttributes(
    stride: [Int], padding: [Int], dilation: [Int], groups: Int, argument: String
  ) throws {
    let error = #expect(throws: OctetError.self) {
      try Functional.convolution(
        x([1, 2, 5, 5]), weight: x([4, 2, 3, 3]), stride: stride, padding: padding,
        dilation: dilation, groups: groups)
    }
    #expect(error?.argument == argument)
  }

  @Test func quantizedLayersWantQuantizedInputs() throws {
    let weight = try Functional.quantizePerTensor(
      x([4, 3]), scale: 0.1, zeroPoint: 0, dtype: .qint8)
    let packed = try PackedLinear(weight: weight, bias: nil)
    let error = #expect(throws: OctetError.self) {
      try Functional.quantizedLinear(x([2, 3]), packed, result: .real(relu: false))
    }
    #expect(error?.code == .quantizationMismatch)
    #expect(error?.fix.contains("QuantStub") == true)
  }

  @Test(
    arguments: [
      (0.0, 0, "scale"), (-1, 0, "scale"), (.nan, 0, "scale"), (.infinity, 0, "scale"),
      (1e300, 0, "scale"), (1, 256, "zero_point"), (1, -1, "zero_point"),
    ] as [(Double, Int, String)])
  func quantizersRefuse(scale: Double, zeroPoint: Int, argument: String) throws {
    let error = #expect(throws: OctetError.self) {
      try Functional.quantizePerTensor(
        x([2]), scale: scale, zeroPoint: zeroPoint, dtype: .quint8)
    }
    #expect(error?.code == .invalidQuantizer)
    #expect(error?.argument == argument)
  }

  @Test func aScopeCollectsTheFirstErrorOfEagerCalls() throws {
    let good = try x([2, 3])
    let error = #expect(throws: OctetError.self) {
      try collectingErrors {
        let bad = good.flatten(from: 5)
        // Nothing after the first mistake computes or traps.
        return (bad.relu() + 1).argmax(dim: 7)
      }
    }
    #expect(error?.operation == "flatten")
    #expect(try collectingErrors { good.relu() }.shape == [2, 3])
  }

  @Test func elementsRefuseAnotherType() throws {
    let q = try Functional.quantizePerTensor(x([2]), scale: 1, zeroPoint: 0, dtype: .quint8)
    let error = #expect(throws: OctetError.self) { try q.elements(as: Float.self) }
    #expect(error?.fix.contains("dequantize") == true)
    #expect(throws: OctetError.self) { try x([2]).item() }
  }
}
