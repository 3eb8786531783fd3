import OctetTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a file's bytes come into memory.
public enum FileAccess: Sendable, CaseIterable {
  /// The file is mapped: pages are read when they are touched. It mustn't be shortened by anyone meanwhile, which the
  /// system answers with a signal.
  case mapped
  /// The file is read whole, into memory of its own.
  case copied
}

/// The bytes of a regular file, mapped or read, for as long as this object lives.
final class FileBytes: @unchecked Sendable {
  // The bytes never change after the initializer.

  /// The file's bytes; the base address is aligned to at least 16 bytes.
  let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Opens a regular file, following symbolic links, and nothing else.
  ///
  /// - Throws: `fileAccess` for a path that is missing, unreadable or something other than a regular file.
  init(path: String, access: FileAccess, operation: String) throws(OctetError) {
    let file = try Self.open(path, operation: operation)
    defer { close(file.descriptor) }
    if file.size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      isMapped = false
      return
    }
    if access == .mapped,
      let base = mmap(nil, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0),
      base != MAP_FAILED
    {
      bytes = UnsafeRawBufferPointer(start: base, count: file.size)
      isMapped = true
      return
    }
    bytes = try Self.read(file, path: path, operation: operation)
    isMapped = false
  }

  deinit {
    guard let base = bytes.baseAddress else { return }
    let start = UnsafeMutableRawPointer(mutating: base)
    if isMapped { munmap(start, bytes.count) } else { free(start) }
  }

  private typealias OpenFile = (descriptor: CInt, size: Int)

  private static func open(_ path: String, operation: String) throws(OctetError) -> OpenFile {
    try FilePath.check(path, operation: operation)
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    var descriptor: CInt
    repeat { descriptor = FilePath.open(path, flags) } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else {
      throw FilePath.failure(
        "a readable file", operation: operation, path: path, call: "open", code: errno)
    }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else {
      let code = errno
      close(descriptor)
      throw FilePath.failure(
        "a readable file", operation: operation, path: path, call: "fstat", code: code)
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw OctetError(
        .fileAccess, operation: operation, argument: path, expected: "a regular file",
        received: FilePath.kind(info.st_mode), fix: "name the file itself")
    }
    return (descriptor, Int(info.st_size))
  }

  private static func read(
    _ file: OpenFile, path: String, operation: String
  ) throws(OctetError) -> UnsafeRawBufferPointer {
    guard let base = malloc(file.size) else {
      throw OctetError(
        .fileAccess, operation: operation, argument: path,
        expected: "memory for the file's \(file.size) bytes", received: "none left",
        fix: "map the file, or free memory")
    }
    var done = 0
    while done < file.size {
      let count = pread(
        file.descriptor, base + done, min(file.size - done, 1 << 30), off_t(done))
      if count > 0 {
        done += count
        continue
      }
      let code = errno
      if count < 0 && code == EINTR { continue }
      free(base)
      if count < 0 {
        throw FilePath.failure(
          "a readable file", operation: operation, path: path, call: "read", code: code)
      }
      throw OctetError(
        .fileAccess, operation: operation, argument: path,
        expected: "the \(file.size) bytes that the file had when it was opened",
        received: "its end at byte \(done)", fix: "keep others from writing to it meanwhile")
    }
    return UnsafeRawBufferPointer(start: base, count: file.size)
  }
}

/// Paths as the system takes them, and its words when it doesn't.
enum FilePath {
  /// Refuses what the system would silently cut off.
  static func check(_ path: String, operation: String) throws(OctetError) {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw OctetError(
        .fileAccess, operation: operation, argument: quoted(path),
        expected: "a path without NUL characters",
        received: path.isEmpty ? "an empty path" : "one with a NUL")
    }
  }

  /// The system's `open`, out of the way of methods of that name.
  static func open(_ path: String, _ flags: CInt, _ mode: mode_t = 0) -> CInt {
    #if canImport(Glibc)
      Glibc.open(path, flags, mode)
    #elseif canImport(Musl)
      Musl.open(path, flags, mode)
    #elseif canImport(Darwin)
      Darwin.open(path, flags, mode)
    #endif
  }

  /// An error in the system's words.
  static func failure(
    _ expected: String, operation: String, path: String, call: String, code: CInt
  ) -> OctetError {
    let words = strerror(code).map { String(cString: $0) } ?? "error \(code)"
    let fix =
      switch code {
      case ENOENT: "check the path"
      case EACCES, EPERM: "check the permissions"
      case ENOSPC, EDQUOT: "free disk space"
      case EFBIG: "raise the limit on file sizes"
      default: ""
      }
    return OctetError(
      .fileAccess, operation: operation, argument: path, expected: expected,
      received: "\(words) (\(call))", fix: fix)
  }

  /// What a file's mode says that it is.
  static func kind(_ mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFREG: "a regular file"
    case S_IFDIR: "a folder"
    case S_IFIFO: "a named pipe"
    case S_IFSOCK: "a socket"
    case S_IFCHR, S_IFBLK: "a device"
    case S_IFLNK: "a symbolic link"
    default: "something else"
    }
  }

  /// The folder of a path and the name in it.
  static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[path.utf8.index(after: slash)...]))
  }
}
