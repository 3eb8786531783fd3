import OctetTensor
import OctetTestSupport
import Testing

private let cases =
  elementwiseCases + reductionCases + movementCases + activationCases + laneCases + lossCases
  + convolutionCases + matrixCases + normCases + poolCases + interpolateCases + embeddingCases
  + viewCases + dropoutCases

@Suite("Float operators against plain loops in double, forward and backward")
struct FloatReferenceTests {
  @Test("10,000 draws and more, dense and permuted, with sizes 0 and 1", arguments: cases)
  func forward(_ operation: FloatCase) throws {
    let random = TestRandom(17)
    for _ in 0..<(10_000 / cases.count + 1) {
      try expectForward(operation.draw(random), random, hasDouble: operation.hasDouble)
    }
  }

  @Test("Derivatives against central differences", arguments: cases)
  func gradients(_ operation: FloatCase) throws {
    let random = TestRandom(23)
    var checked = 0
    for _ in 0..<200 where checked < 40 {
      let draw = try operation.draw(random)
      guard draw.isSmooth else { continue }
      try expectGradients(draw, random, hasDouble: operation.hasDouble)
      checked += 1
    }
    #expect(checked >= 5)
  }

  @Test("Every operator with a derivative has a case")
  func complete() throws {
    let random = TestRandom(31)
    var covered: Set<String> = []
    for operation in cases {
      for _ in 0..<6 {
        let draw = try operation.draw(random)
        let inputs = try draw.inputs.map { try Tensor.of($0) }
        let calls = try CallList.calls { _ = try draw.run(inputs) }
        covered.formUnion(calls.map { "\(type(of: $0.op))" })
      }
    }
    let expected = OperatorList.all
      .filter { $0 is any DifferentiableOperator.Type }.map { "\($0)" }
    #expect(expected.filter { !covered.contains($0) } == [])
  }

  @Test("Half types: an operator computes in float32 and rounds once", arguments: cases)
  func halves(_ operation: FloatCase) throws {
    let random = TestRandom(29)
    for dtype in [DType.float16, .bfloat16] {
      for _ in 0..<10 {
        let draw = try operation.draw(random)
        let narrow = try draw.inputs.map { try Tensor.of($0, dtype: dtype) }
        let got = try draw.run(narrow)
        let wide = try draw.run(narrow.map { try $0.converted(to: .float32) })
        #expect(got.dtype == dtype && got.shape == wide.shape)
        let want: [Double] = try wide.converted(to: dtype).converted(to: .float64).elements()
        let values: [Double] = try got.converted(to: .float64).elements()
        // A function made of several operators rounds in between, and what it is compared with once at the end.
        let unit = dtype == .float16 ? 0x1p-11 : 0x1p-8
        let roundings = Double(operation.halfRoundings == 1 ? 0 : operation.halfRoundings + 1)
        for (y, expected) in zip(values, want) where !(y.isNaN && expected.isNaN) {
          let bound = roundings * unit * max(operation.halfScale, abs(expected))
          #expect(y == expected || abs(y - expected) <= bound, "\(dtype): \(y) for \(expected)")
        }
      }
    }
  }
}
