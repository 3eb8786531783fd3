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
  /// The file is mapped: pages are read when they are touched. Nobody may shorten it meanwhile, which the system
  /// would answer with a signal.
  case mapped
  /// Tensors are read when they are asked for, each into memory of its own. A file that others shorten meanwhile
  /// gives an error. The file stays open.
  case copied
}

/// The bytes of a regular file, or bytes in memory, behind one interface.
final class ByteSource: @unchecked Sendable {
  // Nothing changes after the initializer, and reads carry their own position.

  /// The number of bytes.
  let count: Int
  private let path: String
  private let operation: String
  private let place: Place

  private enum Place {
    case mapping(UnsafeMutableRawPointer)
    case heap(UnsafeMutableRawPointer)
    case descriptor(CInt)
  }

  /// Opens a regular file, following symbolic links, and nothing else. A file that can't be mapped is read.
  ///
  /// - Throws: `fileAccess` for a path that is missing, unreadable or something other than a regular file.
  init(path: String, access: FileAccess, operation: String) throws(OctetError) {
    let (descriptor, size) = try Self.open(path, operation: operation)
    self.path = path
    self.operation = operation
    count = size
    if access == .mapped, size > 0,
      let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
    {
      close(descriptor)
      place = .mapping(base)
    } else {
      place = .descriptor(descriptor)
    }
  }

  /// Keeps a copy of bytes.
  init(copying bytes: [UInt8], name: String, operation: String) throws(OctetError) {
    let base = try Self.allocate(bytes.count, path: name, operation: operation)
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(start: base, count: $0.count).copyMemory(from: $0)
    }
    path = name
    self.operation = operation
    count = bytes.count
    place = .heap(base)
  }

  deinit {
    switch place {
    case .mapping(let base): munmap(base, count)
    case .heap(let base): free(base)
    case .descriptor(let descriptor): close(descriptor)
    }
  }

  /// The bytes of a range inside `count`.
  ///
  /// - Throws: `fileAccess` when they can't be read any more.
  func view(_ range: Range<Int>) throws(OctetError) -> ByteView {
    switch place {
    case .mapping(let base), .heap(let base):
      return ByteView(
        UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count), of: self)
    case .descriptor:
      let base = try Self.allocate(range.count, path: path, operation: operation)
      let buffer = UnsafeMutableRawBufferPointer(start: base, count: range.count)
      let view = ByteView(UnsafeRawBufferPointer(buffer), owned: base)
      try read(range, into: buffer)
      return view
    }
  }

  /// Copies the bytes of a range inside `count` to a buffer of its size.
  ///
  /// - Throws: `fileAccess` when they can't be read any more.
  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(OctetError) {
    guard let output = buffer.baseAddress else { return }
    guard case .descriptor(let descriptor) = place else {
      return try view(range).withBytes { buffer.copyMemory(from: $0) }
    }
    var done = 0
    while done < range.count {
      let size = min(range.count - done, 1 << 30)
      let got = pread(descriptor, output + done, size, off_t(range.lowerBound + done))
      let code = errno
      if got > 0 {
        done += got
      } else if got == 0 {
        throw OctetError(
          .fileAccess, operation: operation, argument: path,
          expected: "the \(count) bytes that the file had when it was opened",
          received: "its end at byte \(range.lowerBound + done)",
          fix: "keep others from writing to it meanwhile")
      } else if code != EINTR {
        throw FilePath.failure(
          "a readable file", operation: operation, path: path, call: "read", code: code)
      }
    }
  }

  private static func allocate(
    _ count: Int, path: String, operation: String
  ) throws(OctetError) -> UnsafeMutableRawPointer {
    guard let base = malloc(max(count, 1)) else {
      throw OctetError(
        .fileAccess, operation: operation, argument: path,
        expected: "memory for \(count) bytes of the file", received: "none left",
        fix: "map the file, or free memory")
    }
    return base
  }

  private static func open(
    _ path: String, operation: String
  ) throws(OctetError) -> (descriptor: CInt, size: Int) {
    try FilePath.check(path, operation: operation)
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
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
}

/// Bytes of a source, valid as long as this value.
struct ByteView: ~Copyable {
  private let bytes: UnsafeRawBufferPointer
  private let source: ByteSource?
  private let owned: UnsafeMutableRawPointer?

  /// Bytes that live in a source, which is kept alive.
  fileprivate init(_ bytes: UnsafeRawBufferPointer, of source: ByteSource) {
    self.bytes = bytes
    self.source = source
    owned = nil
  }

  /// Bytes in memory from `malloc`, which is freed at the end.
  fileprivate init(_ bytes: UnsafeRawBufferPointer, owned: UnsafeMutableRawPointer) {
    self.bytes = bytes
    source = nil
    self.owned = owned
  }

  deinit { free(owned) }

  borrowing func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes)
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
