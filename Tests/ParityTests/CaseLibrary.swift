import Foundation
import OctetParity
import OctetTensor

/// Where cases lie, and what is known not to pass yet.
enum CaseLibrary {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  private static let package = folder.deletingLastPathComponent().deletingLastPathComponent()

  /// The repository's own cases.
  static let repository = folder.appendingPathComponent("Cases").path

  /// The repository's own cases of whole models through a workflow.
  static let workflows = folder.appendingPathComponent("Workflows").path

  /// The whole set: the folders that OCTET_PARITY_CASES names (separated by colons), else those beside the package. Empty when
  /// there is none.
  static let whole: [String] = {
    if let named = ProcessInfo.processInfo.environment["OCTET_PARITY_CASES"] {
      return named.split(separator: ":").map(String.init)
    }
    let shared = package.deletingLastPathComponent().appendingPathComponent("shared/parity")
    return ["cases", "cases-workflow"].map { shared.appendingPathComponent($0).path }
      .filter { FileManager.default.fileExists(atPath: $0) }
  }()

  /// The operations of pending-parity.txt in its order.
  static func pending() throws -> [String] {
    let list = folder.deletingLastPathComponent().appendingPathComponent("pending-parity.txt")
    return try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// Runs all cases of some folders.
  static func run(_ folders: [String]) throws -> [CaseResult] {
    let runner = ParityRunner(registry: try ParityRegistry.standard())
    return try folders.flatMap { try CaseDiscovery.files(at: $0) }
      .compactMap { runner.run(path: $0) }
  }
}

/// Holds results against the list of operations that aren't built yet.
enum PendingList {
  /// What is wrong: failing cases of operations that aren't pending, and pending operations that no case has.
  static func complaints(about results: [CaseResult], pending: [String]) -> [String] {
    let listed = Set(pending)
    let known = Set(results.map(\.operation))
    return results.filter { !$0.passed && !listed.contains($0.operation) }.map(\.line)
      + pending.filter { !known.contains($0) }.map {
        "pending-parity.txt: no case has the operation \($0); remove the line"
      }
  }

  /// Pending operations all of whose cases pass.
  static func finished(in results: [CaseResult], pending: [String]) -> [String] {
    let failing = Set(results.filter { !$0.passed }.map(\.operation))
    let known = Set(results.map(\.operation))
    return pending.filter { known.contains($0) && !failing.contains($0) }.map {
      "pending-parity.txt: every case of \($0) passes; remove the line"
    }
  }
}
