import Foundation
import OctetFormats
import Testing

@Suite("octet bench")
struct BenchCommandTests {
  private let octet = BuiltProgram(name: "octet")

  private func rows(_ arguments: [String], environment: [String: String] = [:]) throws
    -> [JSONValue]
  {
    let result = try octet.run(
      ["bench", "--json", "--time-budget", "0.001"] + arguments, environment: environment)
    #expect(result.status == 0, "\(result.errors)")
    let document = try JSONValue.parse(result.output)
    #expect(document["schema"]?.stringValue == "octet.bench/1")
    #expect(document["machine"]?["cores"]?.intValue ?? 0 >= 1)
    return try #require(document["rows"]?.arrayValue)
  }

  @Test func shapesGivenAreMeasuredOnEveryThreadCount() throws {
    let rows = try rows([
      "--gemm", "3x5x7", "--conv", "2x6x5x4,8x3x3,s=2,p=1,g=2", "--threads", "1,2",
    ])
    #expect(
      rows.map { $0["name"]?.stringValue } == [
        "gemm 3x5x7", "gemm 3x5x7", "conv 2x6x5x4,8x3x3,s=2,p=1,g=2",
        "conv 2x6x5x4,8x3x3,s=2,p=1,g=2",
      ])
    #expect(rows.map { $0["threads"]?.intValue } == [1, 2, 1, 2])
    // Along 6 with stride 2 the three windows meet 2 + 3 + 3 taps of the input, along 5 they meet 2 + 3 + 2.
    // Two images, 8 by 7 taps, 2 channels of a group, 8 outputs: 1792 multiply-adds.
    let convolution = 3584.0
    #expect(rows.map { $0["operations"]?.doubleValue } == [210, 210, convolution, convolution])
    // 240 inputs, 144 weights, 144 outputs.
    let bytes = 528.0
    #expect(rows.map { $0["bytes"]?.doubleValue } == [71, 71, bytes, bytes])
    for row in rows {
      let least = try #require(row["least_ns"]?.doubleValue)
      #expect(least > 0 && least <= row["median_ns"]?.doubleValue ?? 0)
      let rate = try #require(row["rate"]?.doubleValue)
      #expect(abs(rate * least / (row["operations"]?.doubleValue ?? 0) - 1) < 1e-9)
      #expect(row["fraction"]?.doubleValue ?? 0 > 0)
      #expect(row["kernel"]?.stringValue?.contains("__") == true)
    }
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["OCTET_MAX_ISA"] == nil))
  func thePeakIsTheTiersOwn() throws {
    func peak(_ environment: [String: String]) throws -> JSONValue {
      try #require(
        try rows(["--filter", "int8 peak", "--threads", "1"], environment: environment).first)
    }
    let scalar = try peak(["OCTET_MAX_ISA": "scalar"])
    #expect(scalar["kernel"]?.stringValue == "int32 multiply, add")
    let best = try peak([:])
    if best["kernel"] != scalar["kernel"] {
      #expect(best["rate"]?.doubleValue ?? 0 > scalar["rate"]?.doubleValue ?? .infinity)
    }
  }

  @Test(
    arguments: [
      (["--gemm", "12x"], 2, "--gemm"),
      (["--gemm", "1x-2x3"], 2, "--gemm"),
      (["--gemm", "2147483648x2147483648x2147483648"], 2, "GiB"),
      (["--conv", "1x3x3x4,8x5x5"], 2, "larger than the padded input"),
      (["--conv", "1x8x8x4,8x3x3,g=3"], 2, "groups"),
      (["--conv", "1x8x8x4,8x3"], 2, "--conv"),
      (["--conv", "1x8x8x4,8x3x3,z=1"], 2, "--conv"),
      (["--threads", "0"], 2, "--threads"),
      (["--filter", "no such row"], 2, "--filter"),
      (["--time-budget", "0"], 1, "--time-budget"),
    ] as [([String], Int32, String)])
  func mistakesEndWithACodeAndASentence(
    arguments: [String], status: Int32, word: String
  ) throws {
    let result = try octet.run(["bench"] + arguments)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains(word) && result.errors.contains("error"))
    #expect(result.output.isEmpty)
  }

  @Test(arguments: [("eager", 10), ("layers", 2)])
  func callsAreTimedByName(form: String, count: Int) throws {
    let result = try octet.run(["bench", "--\(form)", "--json", "--time-budget", "0.001"])
    #expect(result.status == 0, "\(result.errors)")
    let document = try JSONValue.parse(result.output)
    #expect(document["schema"]?.stringValue == "octet.bench.\(form)/1")
    let rows = try #require(document["rows"]?.arrayValue)
    #expect(rows.count >= count)
    for row in rows {
      let least = try #require(row["least_ns"]?.doubleValue)
      #expect(least > 0 && least <= row["median_ns"]?.doubleValue ?? 0)
    }
  }
}
