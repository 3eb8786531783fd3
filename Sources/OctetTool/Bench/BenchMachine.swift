import COctetBench
import Foundation
import OctetFormats

/// What a benchmark ran on.
struct BenchMachine {
  let cpu: String
  let cores: Int
  let tier: String
  let system: String

  /// This machine.
  init(tier: String) {
    cpu = Self.cpuModel()
    cores = ProcessInfo.processInfo.activeProcessorCount
    system = ProcessInfo.processInfo.operatingSystemVersionString
    self.tier = tier
  }

  var line: String { "\(cpu), \(cores) core\(cores == 1 ? "" : "s"), \(tier), \(system)" }

  var json: JSONValue {
    [
      "cpu": .string(cpu), "cores": .integer(Int64(cores)), "tier": .string(tier),
      "system": .string(system),
    ]
  }

  private static func cpuModel() -> String {
    #if os(Linux)
      // Files under /proc have no size: they are read to their end.
      let text = FileHandle(forReadingAtPath: "/proc/cpuinfo").flatMap { try? $0.readToEnd() }
      let lines = String(decoding: text ?? Data(), as: UTF8.self).split(separator: "\n")
      func value(_ key: String) -> String? {
        lines.first { $0.hasPrefix(key) }.flatMap { $0.split(separator: ":").dropFirst().first }
          .map { $0.trimmingCharacters(in: .whitespaces) }
      }
      if let model = value("model name") {
        guard let family = value("cpu family"), let number = value("model\t") else { return model }
        return "\(model) (family \(family), model \(number))"
      }
      return value("CPU part").map { "CPU part \($0)" } ?? "unknown CPU"
    #elseif canImport(Darwin)
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var bytes = [UInt8](repeating: 0, count: size)
      sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
      let model = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      return model.isEmpty ? "unknown CPU" : model
    #else
      return "unknown CPU"
    #endif
  }
}
