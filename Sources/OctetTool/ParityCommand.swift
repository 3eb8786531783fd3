import ArgumentParser
import Octet
import OctetFormats
import OctetParity

/// `octet parity`: runs parity cases.
struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Run parity cases against the answers they hold.",
    discussion: """
      Prints a line for each case that fails, then `N passed, N failed`. Ends with 3 when any case fails.
      """)

  @Argument(help: "Case files, or folders that are searched for them.")
  var paths: [String]

  @Option(help: ArgumentHelp("Write every case's worst errors to a file.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Run the cases of this operation only.", valueName: "name"))
  var op: String?

  func run() throws {
    let registry = try ParityRegistry.standard()
    let runner = ParityRunner(registry: registry)
    var report = ParityReport()
    for path in paths {
      for file in try CaseDiscovery.files(at: path) {
        guard let result = runner.run(path: file, only: op) else { continue }
        if !result.passed { print(result.line) }
        report.append(result)
      }
    }
    if report.results.isEmpty {
      throw OctetError(
        .fileAccess, operation: "parity", argument: paths.joined(separator: " "),
        expected: op.map { "cases of \($0)" } ?? "parity cases (.safetensors files)",
        received: "none")
    }
    print(report.summary)
    if let json { try report.write(to: json) }
    if report.failed > 0 { throw ToolExit.failed }
  }
}
