import Foundation
import OctetFormats
import Testing

@Suite("The octet command")
struct CommandTests {
  private let octet = BuiltProgram(name: "octet")

  @Test func theDemoKeepsItsPromises() throws {
    let result = try octet.run(["demo", "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let report = try JSONValue.parse(result.output)
    #expect(report["schema"]?.stringValue == "octet.demo/1")
    let accuracy = try #require(report["float32"]?["accuracy"]?.doubleValue)
    let loss = try #require(report["accuracy_loss_points"]?.doubleValue)
    #expect(accuracy > 0.9 && loss <= 0.5)
    #expect(try #require(report["agreement"]?.doubleValue) >= 0.99)
    #expect(try #require(report["size_ratio"]?.doubleValue) <= 0.27)
    #expect(try #require(report["speedup_batch_64"]?.doubleValue) > 1)
  }

  @Test func theDemosIntegersDependOnNeitherTierNorThreads() throws {
    func decisions(_ environment: [String: String]) throws -> [JSONValue?] {
      let result = try octet.run(["demo", "--json"], environment: environment)
      #expect(result.status == 0, "\(result.errors)")
      let report = try JSONValue.parse(result.output)
      return [report["int8"]?["accuracy"], report["agreement"]]
    }
    let best = try decisions([:])
    #expect(best.allSatisfy { $0 != nil })
    #expect(try decisions(["OCTET_MAX_ISA": "scalar"]) == best)
    #expect(try decisions(["OMP_NUM_THREADS": "1"]) == best)
  }

  @Test(
    arguments: [
      (["inspect", "/nonexistent.safetensors"], 2, "nonexistent"),
      (["demo", "--model", "README.md"], 2, "README.md"),
      (["demo", "--calibration", "0"], 1, "calibration"),
      (["parity", "/nonexistent"], 2, "nonexistent"),
      (["nonsense"], 1, "nonsense"),
    ] as [([String], Int32, String)])
  func mistakesEndWithACodeAndASentence(
    arguments: [String], status: Int32, word: String
  ) throws {
    let result = try octet.run(arguments)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains(word) && result.errors.lowercased().contains("error"))
  }

  @Test func anImpossibleTierIsAnError() throws {
    let result = try octet.run(["demo"], environment: ["OCTET_MAX_ISA": "avx9000"])
    #expect(result.status == 2, "\(result.errors)")
    #expect(result.errors.contains("OCTET_MAX_ISA") && result.errors.contains("avx9000"))
  }
}
