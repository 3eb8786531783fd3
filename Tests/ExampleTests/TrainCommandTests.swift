import Foundation
import OctetFormats
import Testing

@Suite("octet train-demo")
struct TrainCommandTests {
  private let octet = BuiltProgram(name: "octet")

  /// Trains on 160 of the tool's images in a folder of its own; gives the checkpoint's bytes and what was printed.
  private func train(
    _ folder: URL, _ name: String, _ arguments: [String] = [], threads: Int = 2
  ) throws -> (bytes: Data, output: String) {
    let path = folder.appendingPathComponent(name).path
    let result = try octet.run(
      [
        "train-demo", "--data", "/nowhere", "--images", "160", "--batch-size", "40", "--epochs",
        "2", "--qat-epochs", "2", "--quiet", "--checkpoint", path,
      ] + arguments, environment: ["OMP_NUM_THREADS": "\(threads)"])
    // 3: so few images make no good network, and that is said.
    #expect([0, 3].contains(result.status), "\(result.errors)")
    return (try Data(contentsOf: URL(fileURLWithPath: path)), result.output)
  }

  private func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("octet-train-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test func stopsAndThreadsDontChangeABit() throws {
    try inFolder { folder in
      let whole = try train(folder, "whole")
      #expect(whole.output.contains("float 2/2") && whole.output.contains("qat 2/2"))
      #expect(whole.output.contains("fake-quantized and int8 agree on"))
      #expect(try train(folder, "threads", threads: 3).bytes == whole.bytes)
      // Four batches make an epoch: this stops in the second one in float, then in the first and the last one for integers.
      #expect(
        try train(folder, "parts", ["--stop-after", "6"]).output.contains("interrupted"))
      #expect(try train(folder, "parts", ["--stop-after", "5"]).bytes != whole.bytes)
      #expect(try train(folder, "parts", ["--stop-after", "4"], threads: 1).bytes != whole.bytes)
      let rest = try train(folder, "parts")
      #expect(rest.output.contains("goes on from") && rest.bytes == whole.bytes)
      // Nothing is left to do: the networks are compared again.
      let again = try train(folder, "parts")
      #expect(again.bytes == whole.bytes)
      #expect(
        again.output.components(separatedBy: "\n").suffix(8)
          == whole.output.components(separatedBy: "\n").suffix(8))
    }
  }

  @Test func checkpointsOfOtherRunsAreRefused() throws {
    try inFolder { folder in
      let path = folder.appendingPathComponent("checkpoint").path
      func run(_ arguments: [String]) throws -> (status: Int32, errors: String) {
        let result = try octet.run(
          [
            "train-demo", "--data", "/nowhere", "--images", "80", "--batch-size", "40",
            "--epochs", "1", "--qat-epochs", "0", "--quiet", "--checkpoint", path,
          ] + arguments)
        return (result.status, result.errors)
      }
      #expect(try run([]).status == 0)
      let other = try run(["--seed", "2"])
      #expect(other.status == 2 && other.errors.contains("seed 1"))
      #expect(try run(["--seed", "2", "--fresh"]).status == 0)
      try Data("no checkpoint".utf8).write(to: URL(fileURLWithPath: path))
      #expect(try run([]).status == 2)
      #expect(try run(["--batch-size", "1"]).status == 1)
    }
  }
}
