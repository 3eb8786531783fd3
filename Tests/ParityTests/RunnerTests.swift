import OctetParity
import OctetTensor
import Testing

@Suite("Runner")
struct RunnerTests {
  private let registry: ParityRegistry

  init() throws {
    registry = try ParityRegistry([
      [
        .single("double") { call in
          let values: [Float] = try call.input().elements()
          return try Tensor(values.map { 2 * $0 }, shape: [values.count])
        },
        ParityOperation("structure") { _ in
          ParityOutputs(
            [:],
            structure: [
              "converted": .list([.list([.string("fc"), .string("Quantized.Linear")])]),
              "functions": .dictionary(["quantize_per_tensor": .integer(2)]),
              "quantized_values": .list([.string("fc")]), "float_values": .list([]),
            ])
        },
        .single("sugar") { try $0.input().maxPool2d(2) },
        .single("untyped") { _ in throw CancellationError() },
        .single("attribute") { Tensor(scalar: Int64(try $0.attributes.int("missing"))) },
      ]
    ])
  }

  private func run(
    _ operation: String, expected: [String: Tensor] = [:], raises: String? = nil,
    structure: [String: AttributeValue] = [:]
  ) throws -> CaseResult {
    let input = try Tensor([Float(1), 2], shape: [2])
    return ParityRunner(registry: registry).run(
      ParityCaseFile(
        name: "case",
        parityCase: ParityCase(
          operation: operation, attributes: ParityAttributes([:]), inputs: ["input": input]),
        expected: expected, tolerance: ToleranceTable(rules: ["*": [.exact]]), raises: raises,
        structure: structure))
  }

  @Test("A case passes when every expected output is there and near enough")
  func outputs() throws {
    let right = try Tensor([Float(2), 4], shape: [2])
    let wrong = try Tensor([Float(2), 5], shape: [2])
    #expect(try run("double", expected: ["0": right]).passed)
    let result = try run("double", expected: ["0": wrong])
    #expect(result.line.hasPrefix("FAIL case [double] out/0: exact: 1 of 2 elements differ"))
    #expect(
      try run("double", expected: ["0": right, "1": right]).failures == [
        "out/1: the output is missing"
      ])
    #expect(try run("double").failures == ["the case expects nothing"])
  }

  @Test("An operation that nobody knows fails and says so")
  func unknown() throws {
    #expect(try run("triple").failures == ["the runner doesn't know this operation"])
  }

  @Test("raises: a typed error with the word, whatever its case; nothing else")
  func raises() throws {
    #expect(try run("sugar", raises: "SHAPE").passed)
    #expect(try run("sugar", raises: "").passed)
    #expect(try !run("sugar", raises: "axis").passed)
    #expect(try run("double", raises: "").failures == ["expected an error, the call succeeded"])
    #expect(try !run("untyped", raises: "").passed)
    // An error in reading the case itself isn't what such a case expects.
    #expect(try !run("attribute", raises: "").passed)
  }

  @Test("An error fails a case that expects outputs; the sugar's traps are errors too")
  func errors() throws {
    let want = try Tensor([Float(2), 4], shape: [2])
    #expect(try run("sugar", expected: ["0": want]).failures.first?.contains("max_pool2d") == true)
    #expect(try !run("untyped", expected: ["0": want]).passed)
  }

  @Test("The structure must be the expected one")
  func structure() throws {
    let layer = AttributeValue.list([.string("fc"), .string("Quantized.Linear")])
    #expect(try run("structure", structure: ["converted": .list([layer])]).passed)
    let other = AttributeValue.list([.string("fc"), .string("Linear")])
    #expect(
      try run("structure", structure: ["converted": .list([other])]).failures == [
        "structure: converted: missing [fc Linear], unexpected [fc Quantized.Linear]"
      ])
    #expect(
      try run(
        "structure", structure: ["functions": .dictionary(["quantize_per_tensor": .integer(1)])]
      ).failures == ["structure: functions: quantize_per_tensor is 2, expected 1"])
    #expect(
      try run("structure", structure: ["prepared": .list([])]).failures == [
        "structure: prepared is missing"
      ])
    #expect(try run("structure", structure: ["quantized_values": .list([.string("fc")])]).passed)
    #expect(try run("structure", structure: ["quantized_values": .list([.string("gone")])]).passed)
    #expect(
      try run("structure", structure: ["float_values": .list([.string("fc")])]).failures == [
        "structure: float_values: fc is on the other list"
      ])
    #expect(
      try run(
        "structure",
        structure: [
          "converted": .list([layer]), "float_values": .list([.string("fc")]),
        ]
      ).failures.count == 1)
  }

  @Test("Two lines of one name are refused")
  func duplicates() {
    #expect(throws: OctetError.self) {
      try ParityRegistry([
        [.single("a") { try $0.input() }], [.single("a") { try $0.input() }],
      ])
    }
  }

  @Test("A file that isn't a case is a failing case")
  func unreadable() throws {
    let runner = ParityRunner(registry: registry)
    let result = try #require(runner.run(path: "/nonexistent/x.safetensors"))
    #expect(!result.passed)
    #expect(result.name == "x")
    #expect(result.failures[0].hasPrefix("the case can't be read"))
    #expect(throws: OctetError.self) { try CaseDiscovery.files(at: "/nonexistent") }
  }
}

@Suite("Case access")
struct CaseAccessTests {
  private let attributes = ParityAttributes([
    "axis": .integer(1), "scale": .string("nan"), "size": .list([.integer(2), .integer(3)]),
    "dtype": .string("quint8"), "gone": .null, "qscheme": .string("per_tensor_symmetric"),
    "nested": .dictionary(["x": .bool(true)]), "low": .string("-inf"),
  ])

  @Test("Typed attributes, their defaults and their errors")
  func typed() throws {
    #expect(try attributes.int("axis") == 1)
    #expect(try attributes.int("other", default: 7) == 7)
    #expect(try attributes.optionalInt("gone") == nil)
    #expect(try attributes.double("scale").isNaN)
    #expect(try attributes.double("low") == -.infinity)
    #expect(try attributes.ints("size") == [2, 3])
    #expect(try attributes.ints("axis") == [1])
    #expect(try attributes.dtype() == .quint8)
    #expect(try attributes.optionalScheme() == .perTensorSymmetric)
    #expect(try attributes.dictionary("nested").bool("x", default: false))
    #expect(throws: OctetError.self) { try attributes.int("missing") }
    #expect(throws: OctetError.self) { try attributes.int("dtype") }
    #expect(throws: OctetError.self) { try attributes.ints("nested") }
    #expect(throws: OctetError.self) { try attributes.optionalDType("qscheme") }
  }

  @Test("Inputs come in the memory format that the case asks for, with the same values")
  func formats() throws {
    let values = (0..<48).map(Float.init)
    let tensor = try Tensor(values, shape: [2, 3, 2, 4])
    func call(_ format: String) -> ParityCase {
      ParityCase(
        operation: "x",
        attributes: ParityAttributes(["memory_format": .dictionary(["input": .string(format)])]),
        inputs: ["input": tensor])
    }
    let last = try call("channels_last").input()
    #expect(last.isChannelsLast && !last.isContiguous)
    #expect(try last.elements(as: Float.self) == values)
    let strided = try call("strided").input()
    #expect(!strided.isContiguous && !strided.isChannelsLast)
    #expect(strided.strides == [48, 16, 8, 2])
    #expect(try strided.elements(as: Float.self) == values)
    #expect(throws: OctetError.self) { try call("sideways").input() }
  }

  @Test("A strided view keeps a quantizer whose channels lie along the last dimension")
  func stridedChannels() throws {
    let quantizer = try Quantizer(
      scales: [0.5, 1, 2], zeroPoints: [0, 1, 2], axis: 1, shape: [2, 3], dtype: .qint8)
    let tensor = try Tensor(
      integers: [Int8(1), 2, 3, 4, 5, 6], shape: [2, 3], dtype: .qint8, quantizer: quantizer)
    let call = ParityCase(
      operation: "x",
      attributes: ParityAttributes(["memory_format": .dictionary(["input": .string("strided")])]),
      inputs: ["input": tensor])
    let strided = try call.input()
    #expect(strided.quantizer == quantizer)
    #expect(try strided.dequantized().elements(as: Float.self) == [0.5, 1, 2, 2, 4, 8])
  }

  @Test("Lists count up, batches come with the toggles before them")
  func lists() throws {
    let call = ParityCase(
      operation: "x",
      attributes: ParityAttributes([
        "toggles": .dictionary(["1": .list([.string("disable_observer")])])
      ]),
      inputs: [
        "batch.0": Tensor(scalar: Float(1)), "batch.1": Tensor(scalar: Float(2)),
        "batch.3": Tensor(scalar: Float(4)),
      ])
    #expect(call.isList("batch") && !call.isList())
    var seen: [String] = []
    try call.forEachBatch { batch, toggles in seen.append("\(try batch.item()) \(toggles)") }
    #expect(seen == ["1.0 []", "2.0 [\"disable_observer\"]"])
    #expect(throws: OctetError.self) { try call.input() }
    #expect(throws: OctetError.self) { try call.state("weight") }
  }
}
