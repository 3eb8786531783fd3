import Foundation
import OctetFormats
import OctetTensor

/// A generator with a fixed seed, so that every run sees the same files (splitmix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The processor time that reading any one file may take; unoptimized code gets more.
#if DEBUG
  let timeLimit = Duration.seconds(20)
  let isOptimized = false
#else
  let timeLimit = Duration.seconds(2)
  let isOptimized = true
#endif

/// The processor time that `body` takes on this thread: other work on the machine doesn't count.
func processorTime(_ body: () throws -> Void) rethrows -> Duration {
  func now() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
  let start = now()
  try body()
  return now() - start
}

/// A folder of its own for a test, removed with everything in it.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("octet-formats-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    path = url.path
  }

  deinit {
    chmod(path, 0o700)
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// The names in the folder, hidden ones included.
  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

func contents(_ path: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// A file from its parts, whether or not they fit together.
func assemble(header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  assemble(header: Array(header.utf8), data: data, length: length)
}

/// A file from its parts, whether or not they fit together.
func assemble(header: [UInt8], data: [UInt8], length: UInt64? = nil) -> [UInt8] {
  withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Array($0) } + header + data
}

/// What must hold for every file that is accepted, found without the reader's own arithmetic.
func checkAccepted(_ file: SafetensorsFile, _ bytes: [UInt8]) throws -> String? {
  let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  let header = try JSONValue.parse(Array(bytes[8..<8 + length]))
  let data = Array(bytes[(8 + length)...])
  var object = try required(header.objectValue, "the header is no object")
  let metadata = object["__metadata__"]
  object["__metadata__"] = nil
  if file.metadata.count != metadata?.objectValue?.count ?? 0 { return "metadata count" }
  for member in metadata?.objectValue?.members ?? [] {
    if file.metadata[member.key] != member.value.stringValue { return "metadata \(member.key)" }
  }
  if object.keys != file.entries.map(\.name) { return "names" }
  var covered: [UInt8] = []
  for entry in file.entries.sorted(by: {
    ($0.dataRange.lowerBound, $0.dataRange.upperBound)
      < ($1.dataRange.lowerBound, $1.dataRange.upperBound)
  }) {
    let description = try required(object[entry.name], "no description")
    if description["dtype"]?.stringValue != entry.dtype.rawValue { return "dtype" }
    if description["shape"]?.arrayValue?.map(\.intValue) != entry.shape { return "shape" }
    if entry.shape.contains(where: { $0 < 0 }) { return "negative size" }
    if entry.shape.reduce(entry.dtype.bitWidth, *) != 8 * entry.dataRange.count { return "size" }
    if entry.dataRange.lowerBound != covered.count && !entry.dataRange.isEmpty { return "layout" }
    let part = try file.bytes(of: entry.name)
    if part != Array(data[entry.dataRange]) { return "bytes" }
    covered += part
  }
  if covered != data { return "coverage" }
  let copies = try file.entries.map {
    SafetensorsWriter.Entry(
      name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: try file.bytes(of: $0.name))
  }
  let again = try SafetensorsFile(
    bytes: SafetensorsWriter.bytes(copies, metadata: file.metadata))
  if again.metadata != file.metadata || again.entries.map(\.name) != file.entries.map(\.name) {
    return "written again"
  }
  for entry in file.entries where try again.bytes(of: entry.name) != file.bytes(of: entry.name) {
    return "bytes written again"
  }
  return nil
}

private func required<Value>(_ value: Value?, _ complaint: String) throws -> Value {
  guard let value else {
    throw OctetError(
      .invalidArgument, operation: "test", expected: "a value", received: complaint)
  }
  return value
}
