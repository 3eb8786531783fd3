import Foundation
import OctetFormats
import OctetTensor
import Testing

/// Tests that change or measure the whole process, and those that would disturb the measurements: one at a time.
@Suite("limits of the process", .serialized) struct ProcessLimitTests {
  @Test("a million brackets are refused at once", arguments: ["[", "{\"a\":", "[{\"a\":["])
  func deepNesting(_ opening: String) throws {
    let text = Array(String(repeating: opening, count: 1_000_000).utf8)
    let time = processorTime {
      #expect(throws: OctetError.self) { try JSONValue.parse(text) }
    }
    #expect(time < timeLimit)
  }

  @Test("long texts take linear time") func linearTime() throws {
    let megabytes = 8 << 20
    let keys = (0..<200_000).map { "\"key \($0)\":\($0)" }.joined(separator: ",")
    let marks = String(repeating: "\u{301}\u{323}", count: 63)
    let unicode = (0..<4_000).map { "\"\($0)\(marks)\":0" }.joined(separator: ",")
    for text in [
      "\"" + String(repeating: "a", count: megabytes) + "\"",
      "\"" + String(repeating: "\\u00e9", count: megabytes / 6) + "\"",
      String(repeating: " ", count: megabytes) + "1", "{\(keys)}", "{\(unicode)}",
    ] {
      let bytes = Array(text.utf8)
      let time = processorTime {
        #expect(throws: Never.self) { try JSONValue.parse(bytes) }
      }
      #expect(time < timeLimit)
    }
  }

  @Test("more than a file may hold") func limits() throws {
    let large = (0..<9).map {
      SafetensorsWriter.Entry(
        name: "\($0)", dtype: .uint8, shape: [(1 << 60) - 1], bytes: [])
    }
    let many = (0...1 << 18).map {
      SafetensorsWriter.Entry(name: "\($0)", dtype: .uint8, shape: [0], bytes: [])
    }
    let pairs = Dictionary(uniqueKeysWithValues: (0...1 << 16).map { ("\($0)", "") })
    let long = ["k": String(repeating: "x", count: 100_000_000)]
    let cases: [([SafetensorsWriter.Entry], [String: String], String)] = [
      (large, [:], "a file whose size 63 bits count"), (many, [:], "at most 262144 tensors"),
      ([], pairs, "at most 65536 pairs"),
    ]
    for (entries, metadata, expected) in cases + (isOptimized ? [([], long, headerLimit)] : []) {
      let error = try #require(throws: OctetError.self) {
        try SafetensorsWriter.bytes(entries, metadata: metadata)
      }
      #expect(error.code == .invalidArgument && error.expected == expected)
    }
  }

  private let headerLimit = "a header of at most 100000000 bytes"
}

#if os(Linux)
  extension ProcessLimitTests {
    @Test("a disk that fills up leaves the old file and nothing else") func diskFull() throws {
      let folder = try TemporaryFolder()
      let path = try folder.write([1, 2, 3], "model")
      let limit: rlim_t = 24 << 20
      var old = rlimit()
      #expect(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old) == 0)
      let handler = signal(SIGXFSZ, SIG_IGN)
      var low = rlimit(rlim_cur: limit, rlim_max: old.rlim_max)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &low) == 0)
      defer {
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
        signal(SIGXFSZ, handler)
      }
      let error = try #require(throws: OctetError.self) {
        try SafetensorsWriter.write([AtomicFileTests.entry(Int(limit) + 1)], to: path)
      }
      #expect(error.code == .fileAccess)
      #expect(error.received == "File too large (write)")
      #expect(error.fix == "raise the limit on file sizes")
      #expect(try contents(path) == [1, 2, 3])
      #expect(try folder.names == ["model"])
    }

    /// A header of some megabytes that would make a careless reader allocate many times its size.
    struct Greedy: Sendable, CustomTestStringConvertible {
      let testDescription: String
      let start: String
      /// What is repeated, with a running number behind it when `isNumbered`.
      let part: String
      var isNumbered = false
      var tail = ""
      let count: Int
      let end: String

      /// Writes the file piece by piece: freed memory of this test would hide what the reader takes.
      func write(to path: String) throws -> Int {
        try Data().write(to: URL(fileURLWithPath: path))
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.write(contentsOf: Data(assemble(header: start)))
        let total = isOptimized ? count : count / 4
        for first in stride(from: 0, to: total, by: 4096) {
          let numbers = first..<min(total, first + 4096)
          let text =
            isNumbered
            ? numbers.map { "\(part)\($0)\(tail)" }.joined()
            : String(repeating: part, count: numbers.count)
          try file.write(contentsOf: Data(text.utf8))
        }
        try file.write(contentsOf: Data(end.utf8))
        let size = Int(try file.offset())
        try file.seek(toOffset: 0)
        try file.write(contentsOf: withUnsafeBytes(of: UInt64(size - 8).littleEndian) { Data($0) })
        try file.close()
        return size
      }
    }

    private static let emptyTensor = "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"

    static let greedy: [Greedy] = [
      .init(
        testDescription: "sizes", start: "{\"t\":{\"shape\":[", part: "0,", count: 8 << 20, end: ""),
      .init(testDescription: "brackets", start: "{\"t\":", part: "[", count: 16 << 20, end: ""),
      .init(
        testDescription: "tensors", start: "{", part: "\"", isNumbered: true,
        tail: emptyTensor + ",", count: 400_000, end: "}"),
      .init(
        testDescription: "as many tensors as are allowed", start: "{", part: "\"", isNumbered: true,
        tail: emptyTensor + ",", count: (1 << 18) - 1, end: "\"" + emptyTensor + "}"),
      .init(
        testDescription: "metadata", start: "{\"__metadata__\":{", part: "\"", isNumbered: true,
        tail: "\":\"\",", count: 1_500_000, end: ""),
      .init(
        testDescription: "string", start: "{\"__metadata__\":{\"k\":\"", part: "x",
        count: 32 << 20, end: "\"}}"),
      .init(
        testDescription: "escapes", start: "{\"__metadata__\":{\"k\":\"", part: "\\u20ac",
        count: 6 << 20, end: "\"}}"),
      .init(testDescription: "name", start: "{\"", part: "x", count: 32 << 20, end: "\":0}"),
      .init(
        testDescription: "digits", start: "{\"t\":{\"shape\":[", part: "1", count: 32 << 20,
        end: "]}}"),
    ]

    @Test("memory stays within 64 MB and twice the file", arguments: greedy, FileAccess.allCases)
    func memory(_ greedy: Greedy, _ access: FileAccess) throws {
      let folder = try TemporaryFolder()
      let path = folder.file("greedy")
      let size = try greedy.write(to: path)
      let before = try resetPeak()
      let time = processorTime {
        _ = try? SafetensorsFile(path: path, access: access)
      }
      let grown = try peak() - before
      #expect(grown <= 64 << 20 + 2 * size, "\(grown >> 20) MB for \(size >> 20) MB")
      #expect(time < timeLimit)
    }

    @Test("files of hundreds of thousands of tensors are read") func manyTensors() throws {
      let folder = try TemporaryFolder()
      let greedy = try #require(Self.greedy.first { $0.end.hasPrefix("\"\":") })
      _ = try greedy.write(to: folder.file("many"))
      let file = try SafetensorsFile(path: folder.file("many"))
      #expect(file.entries.count == (isOptimized ? greedy.count : greedy.count / 4) + 1)
      #expect(file["65534"]?.shape == [0])
    }

    @Test("a sparse file of a terabyte costs nothing") func sparse() throws {
      let folder = try TemporaryFolder()
      let size = 1 << 40
      let header =
        "{\"t\":{\"dtype\":\"U8\",\"shape\":[\(size)],\"data_offsets\":[0,\(size)]}}"
      let bytes = assemble(header: header)
      let path = try folder.write(bytes, "sparse")
      guard truncate(path, off_t(bytes.count + size)) == 0 else { return }
      for access in FileAccess.allCases {
        let before = try resetPeak()
        let file = try SafetensorsFile(path: path, access: access)
        #expect(file["t"]?.dataRange == 0..<size)
        if access == .mapped { #expect(try file.withBytes(of: "t") { $0[size - 1] } == 0) }
        #expect(try peak() - before < 64 << 20)
      }
    }

    /// Makes the present memory the peak, and gives it in bytes.
    private func resetPeak() throws -> Int {
      try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
      return try peak()
    }

    private func peak() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
      return try #require(Int(line.split(whereSeparator: { !$0.isNumber })[0])) << 10
    }
  }
#endif
