#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The command's exit codes. A subcommand throws one to end with it after it has said what there is to say.
enum ToolExit: CInt, Error {
  /// All is well.
  case success = 0
  /// The command line can't be understood.
  case usage = 1
  /// A file, configuration or environment variable that can't be used.
  case badInput = 2
  /// Parity or an accuracy gate failed.
  case failed = 3

  /// Ends the process.
  func end() -> Never { exit(rawValue) }
}

/// The stream for errors.
enum StandardError {
  /// Writes a line; a stream that takes no more is left alone.
  static func print(_ line: String) {
    var rest = Array("\(line)\n".utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }
}
