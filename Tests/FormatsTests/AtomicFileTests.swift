import Foundation
import OctetFormats
import OctetTensor
import Testing

@Suite("atomic writing") struct AtomicFileTests {
  static func entry(_ count: Int, _ value: UInt8 = 7) -> SafetensorsWriter.Entry {
    .init(
      name: "t", dtype: .uint8, shape: [count], bytes: Array(repeating: value, count: count))
  }

  private struct Interruption: Error {}

  @Test("a source that fails leaves the old file and nothing else") func sourceFails() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], "model")
    let failing = SafetensorsWriter.Entry(name: "u", dtype: .uint8, shape: [1]) { _ in
      throw Interruption()
    }
    #expect(throws: Interruption.self) {
      try SafetensorsWriter.write([Self.entry(1 << 20), failing], to: path)
    }
    #expect(try contents(path) == [1, 2, 3])
    #expect(try folder.names == ["model"])
  }

  @Test("entries that are refused touch nothing") func refused() throws {
    let folder = try TemporaryFolder()
    #expect(throws: OctetError.self) {
      try SafetensorsWriter.write([Self.entry(1), Self.entry(1)], to: folder.file("new"))
    }
    #expect(try folder.names.isEmpty)
  }

  @Test("replacing takes the new bytes and keeps the permissions") func replaces() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], "model")
    chmod(path, 0o640)
    try SafetensorsWriter.write([Self.entry(100_000)], to: path)
    #expect(try contents(path) == SafetensorsWriter.bytes([Self.entry(100_000)]))
    var info = stat()
    #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o640)
    #expect(try folder.names == ["model"])
  }

  @Test("a new file has the permissions that any new file gets") func newFile() throws {
    let folder = try TemporaryFolder()
    try SafetensorsWriter.write([Self.entry(3)], to: folder.file("model"))
    let descriptor = open(folder.file("other"), O_WRONLY | O_CREAT, 0o666)
    close(descriptor)
    var (written, other) = (stat(), stat())
    #expect(stat(folder.file("model"), &written) == 0 && stat(folder.file("other"), &other) == 0)
    #expect(written.st_mode == other.st_mode)
  }

  @Test("a reader of the old file keeps its bytes") func oldReader() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model")
    try SafetensorsWriter.write([Self.entry(5_000, 1)], to: path)
    let old = try SafetensorsFile(path: path)
    try SafetensorsWriter.write([Self.entry(10, 2)], to: path)
    #expect(try old.bytes(of: "t") == Array(repeating: 1, count: 5_000))
    #expect(try SafetensorsFile(path: path).bytes(of: "t") == Array(repeating: 2, count: 10))
  }

  @Test("names that are taken are left alone, and the next is tried") func collision() throws {
    let folder = try TemporaryFolder()
    let taken = try folder.write([9], ".octet-1.tmp")
    var next = 0
    try AtomicFile.write(to: folder.file("out"), operation: "test") {
      next += 1
      return ".octet-\(next / 2).tmp"
    } body: { file in
      try [UInt8](repeating: 5, count: 3).withUnsafeBytes { try file.append($0) }
    }
    #expect(try contents(taken) == [9])
    #expect(try contents(folder.file("out")) == [5, 5, 5])
    #expect(try folder.names == [".octet-1.tmp", "out"])
  }

  @Test("a name that is always taken is an error, and a link at it isn't followed")
  func alwaysTaken() throws {
    let folder = try TemporaryFolder()
    #expect(symlink(folder.file("victim"), folder.file(".octet-0.tmp")) == 0)
    var tries = 0
    let error = try #require(throws: OctetError.self) {
      try AtomicFile.write(to: folder.file("out"), operation: "test") {
        tries += 1
        return ".octet-0.tmp"
      } body: { _ in
        Issue.record("nothing may be written")
      }
    }
    #expect(error.code == .fileAccess && error.received.hasPrefix("File exists"))
    #expect(tries == 16)
    #expect(try folder.names == [".octet-0.tmp"])
  }

  @Test("a link at the path is replaced, its target kept") func link() throws {
    let folder = try TemporaryFolder()
    let target = try folder.write([1, 2], "target")
    #expect(symlink(target, folder.file("link")) == 0)
    try SafetensorsWriter.write([Self.entry(1)], to: folder.file("link"))
    #expect(try contents(target) == [1, 2])
    #expect(try SafetensorsFile(path: folder.file("link")).bytes(of: "t") == [7])
  }

  @Test("paths that can't be written") func refusedPaths() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write([1], "file")
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
    let cases = [
      (folder.path, "the path of a regular file, or of none yet", "a folder"),
      (folder.path + "/", "the path of a file", "Is a directory (lstat)"),
      (folder.file("pipe"), "the path of a regular file, or of none yet", "a named pipe"),
      ("/dev/null", "the path of a regular file, or of none yet", "a device"),
      (
        file + "/x", "a folder in which a file can be made",
        "Not a directory (open a temporary file in \(file))"
      ),
      (
        folder.file("no/x"), "a folder in which a file can be made",
        "No such file or directory (open a temporary file in \(folder.file("no")))"
      ),
      ("", "a path without NUL characters", "an empty path"),
      (folder.file("a\0b"), "a path without NUL characters", "one with a NUL"),
    ]
    for (path, expected, received) in cases {
      let error = try #require(throws: OctetError.self) {
        try SafetensorsWriter.write([Self.entry(1)], to: path)
      }
      #expect(error.code == .fileAccess && error.operation == "safetensors.save")
      #expect(error.expected == expected && error.received == received)
    }
    #expect(try folder.names == ["file", "pipe"])
  }

  @Test("a path that becomes a folder while the file is written") func renameFails() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("out")
    let entry = SafetensorsWriter.Entry(name: "t", dtype: .uint8, shape: [1]) { sink in
      #expect(mkdir(path, 0o700) == 0)
      try [UInt8](repeating: 0, count: 1).withUnsafeBytes { try sink($0) }
    }
    let error = try #require(throws: OctetError.self) {
      try SafetensorsWriter.write([entry], to: path)
    }
    #expect(error.code == .fileAccess && error.expected == "a path that can be replaced")
    #expect(error.received == "Is a directory (rename)")
    #expect(try folder.names == ["out"])
  }

  @Test("a folder without write permission", .enabled(if: geteuid() != 0, "root writes everywhere"))
  func unwritable() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], "model")
    chmod(folder.path, 0o500)
    let error = try #require(throws: OctetError.self) {
      try SafetensorsWriter.write([Self.entry(1)], to: path)
    }
    #expect(error.code == .fileAccess && error.fix == "check the permissions")
    #expect(try contents(path) == [1, 2, 3])
  }

  @Test("a relative path is written beside the working folder") func relative() throws {
    let name = "octet-formats-\(UUID().uuidString)"
    defer { unlink(name) }
    try SafetensorsWriter.write([Self.entry(2)], to: name)
    #expect(try SafetensorsFile(path: name).bytes(of: "t") == [7, 7])
  }
}
