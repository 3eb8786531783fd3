import Foundation
import OctetFormats
import OctetTensor
import Testing

@Suite("paths that can't be read") struct FileAccessTests {
  private static func refusal(
    _ path: String, _ access: FileAccess
  ) throws -> OctetError {
    try #require(throws: OctetError.self) { try SafetensorsFile(path: path, access: access) }
  }

  @Test("missing", arguments: FileAccess.allCases) func missing(_ access: FileAccess) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("none")
    let error = try Self.refusal(path, access)
    #expect(error.code == .fileAccess)
    #expect(
      error.description
        == "safetensors.load: \(path): expected a readable file, received No such file or directory "
        + "(open); check the path")
  }

  @Test("a folder, a named pipe, a device", arguments: FileAccess.allCases)
  func notRegular(_ access: FileAccess) throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
    for (path, kind) in [
      (folder.path, "a folder"), (folder.file("pipe"), "a named pipe"), ("/dev/zero", "a device"),
    ] {
      let error = try Self.refusal(path, access)
      #expect(error.code == .fileAccess)
      #expect(error.expected == "a regular file" && error.received == kind)
      #expect(error.argument == path)
    }
  }

  @Test("unreadable", .enabled(if: geteuid() != 0, "root reads everything"))
  func unreadable() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(SafetensorsMalformedTests.small(), "private")
    chmod(path, 0)
    let error = try Self.refusal(path, .mapped)
    #expect(error.code == .fileAccess && error.fix == "check the permissions")
  }

  @Test("paths that the system would cut short") func odd() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(SafetensorsMalformedTests.small(), "a")
    for odd in ["", path + "\0.safetensors"] {
      let error = try Self.refusal(odd, .mapped)
      #expect(error.code == .fileAccess && error.expected == "a path without NUL characters")
    }
    #expect(try Self.refusal(path + "/b", .mapped).code == .fileAccess)
    #expect(try Self.refusal(String(repeating: "x", count: 5_000), .mapped).code == .fileAccess)
  }

  @Test("an empty file, and one of 8 bytes", arguments: FileAccess.allCases)
  func short(_ access: FileAccess) throws {
    let folder = try TemporaryFolder()
    for count in [0, 7, 8] {
      let path = try folder.write(Array(repeating: 0, count: count), "short")
      let error = try Self.refusal(path, access)
      #expect(error.code == .malformedFile)
      #expect(error.argument == path)
      #expect(error.received.hasSuffix("at byte \(count)"))
    }
  }

  @Test("a symbolic link is followed, a loop of them refused") func links() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(SafetensorsMalformedTests.small(), "file")
    #expect(symlink(path, folder.file("link")) == 0)
    #expect(symlink(folder.file("loop"), folder.file("loop")) == 0)
    #expect(try SafetensorsFile(path: folder.file("link")).entries.count == 4)
    #expect(try Self.refusal(folder.file("loop"), .mapped).code == .fileAccess)
  }

  @Test("a file that gets shorter while it is open") func shrinks() throws {
    let folder = try TemporaryFolder()
    let bytes = try SafetensorsMalformedTests.small()
    let path = try folder.write(bytes, "file")
    let file = try SafetensorsFile(path: path, access: .copied)
    #expect(try file.bytes(of: "w") == [1, 2, 3, 4, 5, 6, 7, 8])
    let start = try #require(file["w"]).fileOffset
    #expect(truncate(path, off_t(start + 3)) == 0)
    let error = try #require(throws: OctetError.self) { try file.bytes(of: "w") }
    #expect(error.code == .fileAccess)
    #expect(error.received == "its end at byte \(start + 3)")
    #expect(error.expected == "the \(bytes.count) bytes that the file had when it was opened")
  }

  @Test("a mapped file lives as long as its value, also when its name is gone")
  func outlivesName() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(SafetensorsMalformedTests.small(), "file")
    for access in FileAccess.allCases {
      let file = try SafetensorsFile(path: path, access: access)
      if access == FileAccess.allCases.last { unlink(path) }
      #expect(try file.bytes(of: "s") == [12, 13])
    }
  }

  @Test("many opened and dropped files leave no descriptor and no mapping") func leaks() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(SafetensorsMalformedTests.small(), "file")
    let broken = try folder.write([1, 2, 3, 4, 5, 6, 7, 8, 9], "broken")
    for _ in 0..<3_000 {
      for access in FileAccess.allCases {
        _ = try SafetensorsFile(path: path, access: access).bytes(of: "w")
        _ = try? SafetensorsFile(path: broken, access: access)
        _ = try? SafetensorsFile(path: folder.path, access: access)
      }
    }
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    #expect(descriptor >= 0 && descriptor < 500)
  }

  @Test("one file read by many tasks") func concurrent() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(SafetensorsMalformedTests.small(), "file")
    for access in FileAccess.allCases {
      let file = try SafetensorsFile(path: path, access: access)
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            for _ in 0..<200 where try file.bytes(of: "é") != [9, 10, 11] { return false }
            return true
          }
        }
        for try await agrees in group { #expect(agrees) }
      }
    }
  }
}
