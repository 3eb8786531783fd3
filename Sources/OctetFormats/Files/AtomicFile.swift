import OctetTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a file so that its path holds the old bytes or all of the new ones, whatever happens in between.
///
/// The bytes go to a temporary file of the same folder, which is synced and then renamed over the path. A failure
/// removes the temporary file; a killed process leaves it behind as `.octet-….tmp`. A symbolic link at the
/// path is replaced, not followed.
package struct AtomicFile: ~Copyable {
  private static let attempts = 16
  private static let bufferSize = 1 << 16

  private let path: String
  private let operation: String
  private let folder: String
  private let temporary: String
  private var descriptor: CInt
  private var buffer: [UInt8] = []

  /// Writes what `body` appends to `path`.
  ///
  /// - Parameter names: gives the names to try for the temporary file.
  /// - Throws: `fileAccess` when the system refuses a step, and what `body` throws.
  package static func write(
    to path: String, operation: String, names: () -> String = AtomicFile.randomName,
    body: (inout AtomicFile) throws -> Void
  ) throws {
    var file = try AtomicFile(path: path, operation: operation, names: names)
    try body(&file)
    try file.commit()
  }

  /// A name that nobody can foresee.
  package static func randomName() -> String {
    ".octet-\(String(UInt64.random(in: 0...UInt64.max), radix: 16)).tmp"
  }

  private init(path: String, operation: String, names: () -> String) throws(OctetError) {
    let (folder, opened) = try Self.openTemporary(
      path: path, operation: operation, names: names)
    self.path = path
    self.operation = operation
    self.folder = folder
    temporary = opened.path
    descriptor = opened.descriptor
    buffer.reserveCapacity(Self.bufferSize)
  }

  private static func openTemporary(
    path: String, operation: String, names: () -> String
  ) throws(OctetError) -> (folder: String, file: (path: String, descriptor: CInt)) {
    try FilePath.check(path, operation: operation)
    let (folder, name) = FilePath.split(path)
    let mode = try mode(of: path, name: name, operation: operation)
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    var code: CInt = 0
    for _ in 0..<attempts {
      let candidate = folder == "/" ? "/" + names() : "\(folder)/\(names())"
      // A new file gets what the umask leaves; one that replaces a file is private until it has the old mode.
      let opened = FilePath.open(candidate, flags, mode == nil ? 0o666 : 0o600)
      code = errno
      if opened >= 0 {
        if let mode { fchmod(opened, mode) }
        return (folder, (candidate, opened))
      }
      guard code == EEXIST || code == EINTR else { break }
    }
    throw FilePath.failure(
      "a folder in which a file can be made", operation: operation, path: path,
      call: "open a temporary file in \(folder)", code: code)
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  /// The permissions of the file at the path, nil when there is none yet.
  private static func mode(
    of path: String, name: String, operation: String
  ) throws(OctetError) -> mode_t? {
    var info = stat()
    guard !name.isEmpty, lstat(path, &info) == 0 else {
      if !name.isEmpty, errno == ENOENT || errno == EACCES || errno == ENOTDIR { return nil }
      throw FilePath.failure(
        "the path of a file", operation: operation, path: path, call: "lstat",
        code: name.isEmpty ? EISDIR : errno)
    }
    switch info.st_mode & S_IFMT {
    case S_IFREG: return info.st_mode & 0o777
    case S_IFLNK: return nil
    default:
      throw OctetError(
        .fileAccess, operation: operation, argument: path,
        expected: "the path of a regular file, or of none yet",
        received: FilePath.kind(info.st_mode), fix: "choose another path")
    }
  }

  /// Appends bytes.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) throws(OctetError) {
    if buffer.count + bytes.count > Self.bufferSize { try flush() }
    if bytes.count >= Self.bufferSize {
      try Self.write(bytes, to: descriptor, path: path, operation: operation)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  private mutating func flush() throws(OctetError) {
    let (descriptor, path, operation) = (descriptor, path, operation)
    let outcome: Result<Void, OctetError> = buffer.withUnsafeBytes { span in
      Result { () throws(OctetError) in
        try Self.write(span, to: descriptor, path: path, operation: operation)
      }
    }
    try outcome.get()
    buffer.removeAll(keepingCapacity: true)
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, path: String, operation: String
  ) throws(OctetError) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, base + done, min(bytes.count - done, 1 << 30))
      #elseif canImport(Musl)
        let count = Musl.write(descriptor, base + done, min(bytes.count - done, 1 << 30))
      #elseif canImport(Darwin)
        let count = Darwin.write(descriptor, base + done, min(bytes.count - done, 1 << 30))
      #endif
      let code = count < 0 ? errno : ENOSPC
      if count > 0 {
        done += count
      } else if code != EINTR {
        throw FilePath.failure(
          "room for the file", operation: operation, path: path, call: "write", code: code)
      }
    }
  }

  /// Makes the bytes durable and gives them the path.
  private mutating func commit() throws(OctetError) {
    try flush()
    var status: CInt
    repeat { status = fsync(descriptor) } while status != 0 && errno == EINTR
    guard status == 0 else {
      throw FilePath.failure(
        "a synced file", operation: operation, path: path, call: "fsync", code: errno)
    }
    guard rename(temporary, path) == 0 else {
      throw FilePath.failure(
        "a path that can be replaced", operation: operation, path: path, call: "rename",
        code: errno)
    }
    close(descriptor)
    descriptor = -1
    try Self.sync(folder: folder, path: path, operation: operation)
  }

  /// Makes the rename durable. File systems and folders that can't be synced are left to the system.
  private static func sync(
    folder: String, path: String, operation: String
  ) throws(OctetError) {
    let opened = FilePath.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { return }
    defer { close(opened) }
    if fsync(opened) != 0, errno == EIO || errno == ENOSPC || errno == EDQUOT {
      throw FilePath.failure(
        "a synced folder (the file is written)", operation: operation, path: path, call: "fsync",
        code: errno)
    }
  }
}
