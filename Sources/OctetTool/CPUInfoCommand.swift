import ArgumentParser
import Octet
import OctetFormats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `octet cpuinfo`: what the kernels run on.
struct CPUInfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpuinfo",
    abstract: "Show the instruction set tiers, the threads and what dispatch does with them.",
    discussion: """
      OCTET_MAX_ISA caps dispatch: no kernel above the tier it names is used. It never raises dispatch above what the CPU has.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let cap = getenv("OCTET_MAX_ISA").map { String(cString: $0) }
    let tiers = Kernels.supportedISAs
    let dispatch = try Kernels.maxISA()
    if json {
      let document: JSONValue = [
        "schema": "octet.cpuinfo/1", "version": .string(Kernels.version),
        "architecture": .string(Self.architecture), "tiers": .array(tiers.map { .string($0) }),
        "dispatch": .string(dispatch), "threads": .integer(Int64(Kernels.maxThreads)),
        "OCTET_MAX_ISA": cap.map { .string($0) } ?? .null,
      ]
      print(try document.serialized(indent: 2))
      return
    }
    let reason = cap.map { "OCTET_MAX_ISA=\($0)" } ?? "the best of this CPU"
    print(
      """
      octet \(Kernels.version)
      architecture   \(Self.architecture)
      tiers          \(tiers.joined(separator: ", "))
      dispatch       \(dispatch) (\(reason))
      threads        \(Kernels.maxThreads)
      OCTET_MAX_ISA  \(cap ?? "not set"); caps dispatch at the tier it names
      """)
  }

  private static var architecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "arm64"
    #else
      "other"
    #endif
  }
}
