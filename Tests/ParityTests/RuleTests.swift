import OctetParity
import OctetTensor
import Testing

/// Judges one output and gives its failures.
private func failures(
  _ got: Tensor?, _ want: Tensor, _ rules: [ToleranceRule], references: [String: Tensor] = [:]
) -> [String] {
  OutputComparison.judge("0", got: got, want: want, rules: rules, references: references).failures
}

private func floats(_ values: Float...) throws -> Tensor {
  try Tensor(values, shape: [values.count])
}

private func quantized(
  _ values: [UInt8], scale: Double = 0.5, zeroPoint: Int = 3
) throws -> Tensor {
  try Tensor(
    integers: values, shape: [values.count], dtype: .quint8,
    quantizer: Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: .quint8))
}

private func lsb(
  _ max: Double, _ fraction: Double, scale: Double? = nil, zeroPoint: Int = 0
) -> ToleranceRule {
  .lsb(
    max: max, fraction: fraction,
    parameters: ParameterTolerance(scale: scale, zeroPoint: zeroPoint))
}

@Suite("Comparison rules")
struct RuleTests {
  @Test("exact: NaN equals NaN, -0 equals 0, one ulp does not")
  func exact() throws {
    let want = try floats(.nan, 0, 1, .infinity)
    #expect(failures(try floats(.nan, -0.0, 1, .infinity), want, [.exact]) == [])
    let off = failures(try floats(.nan, 0, Float(1).nextUp, .infinity), want, [.exact])
    #expect(off.count == 1)
    #expect(off[0].hasPrefix("exact: 1 of 4 elements differ"))
    #expect(off[0].contains("at [2] got 1.0000001192092896, expected 1.0"))
    #expect(!failures(try floats(0, 0, 1, .infinity), want, [.exact]).isEmpty)
    #expect(!failures(try floats(.nan, .nan, 1, .infinity), want, [.exact]).isEmpty)
    #expect(!failures(try floats(.nan, 0, 1, -.infinity), want, [.exact]).isEmpty)
  }

  @Test("exact: integers of every width, truth values and packed codes")
  func exactIntegers() throws {
    let wide = try Tensor([Int64.max, Int64.min], shape: [2])
    #expect(failures(wide, wide, [.exact]) == [])
    #expect(!failures(try Tensor([Int64.max - 1, .min], shape: [2]), wide, [.exact]).isEmpty)
    #expect(!failures(try Tensor([Int64.min, .max], shape: [2]), wide, [.exact]).isEmpty)
    let truth = try Tensor([true, false], shape: [2])
    #expect(failures(truth, truth, [.exact]) == [])
    #expect(!failures(try Tensor([true, true], shape: [2]), truth, [.exact]).isEmpty)
    let quantizer = try Quantizer(scale: 1, zeroPoint: 0, dtype: .quint4x2)
    let codes = try Tensor(
      integers: [UInt8(0x21), 0x03], shape: [3], dtype: .quint4x2, quantizer: quantizer)
    let other = try Tensor(
      integers: [UInt8(0x21), 0x04], shape: [3], dtype: .quint4x2, quantizer: quantizer)
    #expect(failures(codes, codes, [.exact]) == [])
    #expect(failures(other, codes, [.exact]).first?.contains("at [2] got 4, expected 3") == true)
  }

  @Test("lsb: steps and fractions, just inside and just outside")
  func lsbRule() throws {
    let want = try quantized([10, 20, 30, 40])
    #expect(failures(try quantized([11, 20, 30, 40]), want, [lsb(1, 0.25)]) == [])
    #expect(failures(try quantized([9, 20, 30, 40]), want, [lsb(1, 0.25)]) == [])
    #expect(!failures(try quantized([12, 20, 30, 40]), want, [lsb(1, 0.25)]).isEmpty)
    #expect(!failures(try quantized([11, 21, 30, 40]), want, [lsb(1, 0.25)]).isEmpty)
    #expect(!failures(try quantized([11, 20, 30, 40]), want, [lsb(1, 0.24)]).isEmpty)
    #expect(failures(try quantized([12, 18, 30, 40]), want, [lsb(2, 0.5)]) == [])
    let plain = try Tensor([Int64(5), -5], shape: [2])
    #expect(failures(try Tensor([Int64(6), -5], shape: [2]), plain, [lsb(1, 1)]) == [])
    #expect(!failures(try floats(1), try floats(1), [lsb(1, 1)]).isEmpty)
  }

  @Test(
    "Parameters of quantized outputs: scale to 1e-6, zero point exactly, unless an lsb rule says otherwise"
  )
  func parameters() throws {
    let want = try quantized([1], scale: 1)
    #expect(failures(try quantized([1], scale: 1 + 0.9e-6), want, [.exact]) == [])
    #expect(
      failures(try quantized([1], scale: 1 + 1.1e-6), want, [.exact]).first?
        .hasPrefix("scale 0 is") == true)
    #expect(
      failures(try quantized([1], scale: 1, zeroPoint: 4), want, [.exact]) == [
        "zero point 0 is 4, expected 3"
      ])
    let loose = lsb(0, 0, scale: 2e-3, zeroPoint: 1)
    #expect(failures(try quantized([1], scale: 1.0019, zeroPoint: 4), want, [loose]) == [])
    #expect(!failures(try quantized([1], scale: 1.0021, zeroPoint: 4), want, [loose]).isEmpty)
    #expect(!failures(try quantized([1], scale: 1, zeroPoint: 5), want, [loose]).isEmpty)
    // Another rule of the list leaves what the lsb rule allows.
    #expect(
      failures(try quantized([1], scale: 1.001), want, [.sqnr(min: 10), loose]) == [])
  }

  @Test("Parameters per channel: scheme, axis, scales and real zero points")
  func channelParameters() throws {
    func channels(_ scales: [Double], axis: Int) throws -> Tensor {
      try Tensor(
        integers: [Int8](repeating: 1, count: 4), shape: [2, 2], dtype: .qint8,
        quantizer: Quantizer(
          scales: scales, zeroPoints: [0, 0], axis: axis, shape: [2, 2], dtype: .qint8))
    }
    let want = try channels([0.5, 0.25], axis: 0)
    #expect(failures(want, want, [.exact]) == [])
    #expect(
      failures(try channels([0.5, 0.25], axis: 1), want, [.exact]) == ["axis 1, expected 0"])
    #expect(
      failures(try channels([0.5, 0.26], axis: 0), want, [.exact]) == [
        "scale 1 is 0.26, expected 0.25"
      ])
    let single = try Tensor(
      integers: [Int8](repeating: 1, count: 4), shape: [2, 2], dtype: .qint8,
      quantizer: Quantizer(scale: 0.5, zeroPoint: 0, dtype: .qint8))
    #expect(
      failures(single, want, [.exact]) == [
        "scheme per_tensor_affine, expected per_channel_affine"
      ])
    func real(_ zero: Float) throws -> Tensor {
      try Tensor(
        integers: [UInt8(1)], shape: [1], dtype: .quint8,
        quantizer: Quantizer(
          scales: [1], floatZeroPoints: [zero], axis: 0, shape: [1], dtype: .quint8))
    }
    #expect(failures(try real(7), try real(7), [.exact]) == [])
    #expect(!failures(try real(Float(7).nextUp), try real(7), [.exact]).isEmpty)
    #expect(failures(try real(7.25), try real(7), [lsb(0, 0, scale: 1e-3)]) == [])
    #expect(!failures(try real(7.27), try real(7), [lsb(0, 0, scale: 1e-3)]).isEmpty)
  }

  @Test("close: atol + rtol * |want|, NaNs and infinities in the same places")
  func close() throws {
    let rule = ToleranceRule.close(rtol: 0.25, atol: 0.5)
    let want = try floats(4, -4, 0)
    #expect(failures(try floats(5.5, -5.5, 0.5), want, [rule]) == [])
    #expect(failures(try floats(2.5, -2.5, -0.5), want, [rule]) == [])
    #expect(!failures(try floats(5.625, -4, 0), want, [rule]).isEmpty)
    #expect(!failures(try floats(4, -4, 0.625), want, [rule]).isEmpty)
    #expect(!failures(try floats(4, -4, .nan), want, [rule]).isEmpty)
    let special = try floats(.nan, .infinity, -.infinity)
    #expect(failures(special, special, [rule]) == [])
    #expect(!failures(try floats(0, .infinity, -.infinity), special, [rule]).isEmpty)
    #expect(!failures(try floats(.nan, 1e30, -.infinity), special, [rule]).isEmpty)
    #expect(!failures(try floats(.nan, .infinity, .infinity), special, [rule]).isEmpty)
    // A quantized output is compared by its real values: 0.5 a step.
    let codes = try quantized([3, 5])
    #expect(failures(try quantized([4, 5]), codes, [.close(rtol: 0, atol: 0.5)]) == [])
    #expect(!failures(try quantized([5, 5]), codes, [.close(rtol: 0, atol: 0.5)]).isEmpty)
  }

  @Test("sqnr: in dB against the expected output, infinite when equal")
  func sqnr() throws {
    // Signal 100, noise 1: 20 dB.
    let want = try floats(10, 0)
    let got = try floats(10, 1)
    #expect(Deviation.sqnr(got: [10, 1], reference: [10, 0]) == 20)
    #expect(failures(got, want, [.sqnr(min: 20)]) == [])
    #expect(
      failures(got, want, [.sqnr(min: 20.01)]) == ["sqnr: 20.0 dB, expected at least 20.01 dB"])
    #expect(failures(want, want, [.sqnr(min: 1e9)]) == [])
    #expect(!failures(try floats(10, .nan), want, [.sqnr(min: 0)]).isEmpty)
    #expect(!failures(try floats(0, 1), try floats(0, 0), [.sqnr(min: -1e9)]).isEmpty)
  }

  @Test("sqnr_to: against another expected output, dequantizing a quantized one")
  func sqnrTo() throws {
    let rule = ToleranceRule.sqnrTo(reference: "float_y", min: 20)
    let references = ["float_y": try floats(10, 0)]
    let got = try floats(10, 1)
    #expect(failures(got, got, [rule], references: references) == [])
    #expect(
      !failures(try floats(10, 1.01), try floats(10, 1.01), [rule], references: references).isEmpty)
    // 23 and 5 stand for (23 - 3) * 0.5 = 10 and 1.
    let codes = try quantized([23, 5])
    #expect(failures(codes, codes, [rule], references: references) == [])
    #expect(!failures(got, got, [rule]).isEmpty)
    #expect(!failures(got, got, [rule], references: ["float_y": try floats(10)]).isEmpty)
  }

  @Test("steps: a fraction beyond max steps, none beyond the limit, 0.01 step of slack")
  func steps() throws {
    let rule = ToleranceRule.steps(step: 1, max: 1, fraction: 0.25, limit: 3)
    let want = try floats(0, 0, 0, 0)
    #expect(failures(try floats(1, -1, 1.009, 0), want, [rule]) == [])
    #expect(failures(try floats(3.009, 1, 0, 0), want, [rule]) == [])
    #expect(failures(try floats(3.02, 0, 0, 0), want, [rule]).count == 1)
    #expect(failures(try floats(1.02, 1.02, 0, 0), want, [rule]).count == 1)
    #expect(failures(try floats(.nan, 0, 0, 0), want, [rule]).count == 1)
    #expect(failures(try floats(.infinity, 0, 0, 0), want, [rule]).count == 1)
  }

  @Test("All rules of a list must hold")
  func lists() throws {
    let (got, want) = (try floats(10, 1), try floats(10, 0))
    #expect(failures(got, want, [.sqnr(min: 20), .close(rtol: 0, atol: 1)]) == [])
    #expect(failures(got, want, [.sqnr(min: 21), .close(rtol: 0, atol: 1)]).count == 1)
    #expect(failures(got, want, [.sqnr(min: 21), .close(rtol: 0, atol: 0.5)]).count == 2)
    #expect(failures(got, want, []) == ["no tolerance rule applies"])
  }

  @Test("Missing outputs, dtypes and shapes")
  func form() throws {
    let want = try floats(1, 2)
    #expect(failures(nil, want, [.exact]) == ["the output is missing"])
    #expect(
      failures(try Tensor([1.0, 2.0], shape: [2]), want, [.exact]) == [
        "dtype float64, expected float32"
      ])
    #expect(
      failures(try Tensor([Float(1), 2], shape: [1, 2]), want, [.exact]) == [
        "shape [1, 2], expected [2]"
      ])
    #expect(
      failures(try Tensor([UInt8(1)], shape: [1]), try quantized([1]), [.exact]) == [
        "dtype uint8, expected quint8"
      ])
    #expect(
      failures(try Tensor([Float](), shape: [0]), try Tensor([Float](), shape: [0]), [.exact]) == []
    )
  }

  @Test("Outputs that aren't contiguous are compared by logical index")
  func layout() throws {
    let want = try Tensor([Float(1), 2, 3, 4], shape: [2, 2])
    let got = try Tensor([Float(1), 3, 2, 4], shape: [2, 2]).transposed(0, 1)
    #expect(failures(got, want, [.exact]) == [])
    #expect(!failures(got, try want.transposed(0, 1), [.exact]).isEmpty)
  }

  @Test("A rule is looked up by name, by name without index, by group, by star")
  func lookup() throws {
    func sqnr(_ min: Double) -> [ToleranceRule] { [.sqnr(min: min)] }
    let table = ToleranceTable(rules: [
      "y": sqnr(1), "y.3": sqnr(2), "scale/*": sqnr(3), "scale/fc": sqnr(4), "*": sqnr(5),
    ])
    #expect(table.rules(for: "y.3") == sqnr(2))
    #expect(table.rules(for: "y.4") == sqnr(1))
    #expect(table.rules(for: "y") == sqnr(1))
    #expect(table.rules(for: "scale/fc") == sqnr(4))
    #expect(table.rules(for: "scale/block1.conv1") == sqnr(3))
    #expect(table.rules(for: "weight/fc") == sqnr(5))
    #expect(table.rules(for: "y.x") == sqnr(5))
    #expect(ToleranceTable(rules: ["y": sqnr(1)]).rules(for: "z") == [])
  }

  @Test("Rules are read from a case's JSON; unknown kinds are refused")
  func parsing() throws {
    let table = try ToleranceTable([
      "*": .dictionary(["kind": .string("exact")]),
      "y": .list([
        .dictionary([
          "kind": .string("steps"), "step": .number(0.5), "max": .integer(1),
          "fraction": .number(0.01), "limit": .integer(3),
        ]),
        .dictionary(["kind": .string("sqnr_to"), "reference": .string("r"), "min": .integer(30)]),
      ]),
      "z": .dictionary([
        "kind": .string("lsb"), "max": .integer(1), "fraction": .integer(1),
        "scale_rtol": .number(0.002), "zero_point_max": .integer(2),
      ]),
      "c": .dictionary(["kind": .string("close"), "rtol": .number(1e-5), "atol": .integer(0)]),
    ])
    #expect(table.rules(for: "q") == [.exact])
    #expect(
      table.rules(for: "y") == [
        .steps(step: 0.5, max: 1, fraction: 0.01, limit: 3), .sqnrTo(reference: "r", min: 30),
      ])
    #expect(table.rules(for: "z") == [lsb(1, 1, scale: 0.002, zeroPoint: 2)])
    #expect(table.rules(for: "c") == [.close(rtol: 1e-5, atol: 0)])
    #expect(throws: OctetError.self) {
      try ToleranceTable(["*": .dictionary(["kind": .string("near")])])
    }
    #expect(throws: OctetError.self) { try ToleranceTable(["*": .string("exact")]) }
    #expect(throws: OctetError.self) {
      try ToleranceTable(["*": .dictionary(["kind": .string("sqnr")])])
    }
  }
}
