import ArgumentParser
import Octet

/// The `octet` command. A subcommand is one file and one entry of `subcommands`.
@main
struct OctetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "octet",
    abstract: "Int8 quantization: a demonstration, parity, files and this CPU.",
    discussion: """
      Exit codes: 0 all is well, 1 the command line can't be understood, 2 bad input, 3 parity or an accuracy gate failed.
      """,
    version: Kernels.version,
    subcommands: [
      DemoCommand.self, TrainCommand.self, ParityCommand.self, InspectCommand.self,
      BenchCommand.self,
      CPUInfoCommand.self,
    ])

  /// Parses and runs; every error ends here, as a line on standard error and an exit code.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let code as ToolExit {
      code.end()
    } catch let error as OctetError {
      StandardError.print("error: \(error)")
      ToolExit.badInput.end()
    } catch {
      let words = fullMessage(for: error)
      if exitCode(for: error).isSuccess {
        print(words)
        ToolExit.success.end()
      }
      let label = "Error: "
      StandardError.print(words.hasPrefix(label) ? "error: \(words.dropFirst(label.count))" : words)
      ToolExit.usage.end()
    }
  }
}
