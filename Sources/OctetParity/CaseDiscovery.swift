import OctetTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds case files.
package enum CaseDiscovery {
  private static let maximumDepth = 32

  /// The `.safetensors` files at `path`: the file itself, or those of a folder and its subfolders, in order of their paths.
  /// Symbolic links inside a folder to other folders aren't followed.
  ///
  /// - Throws: `fileAccess` when there is nothing at the path or a folder can't be read.
  package static func files(at path: String) throws(OctetError) -> [String] {
    var info = stat()
    guard stat(path, &info) == 0 else { throw failure(path, "a file or folder", errno) }
    if info.st_mode & S_IFMT != S_IFDIR { return [path] }
    var files: [String] = []
    try walk(path, depth: 0, into: &files)
    return files.sorted()
  }

  private static func walk(
    _ folder: String, depth: Int, into files: inout [String]
  ) throws(OctetError) {
    guard depth < maximumDepth else {
      throw OctetError(
        .fileAccess, operation: "parity", argument: folder,
        expected: "folders nested at most \(maximumDepth) deep", received: "a deeper one")
    }
    guard let stream = opendir(folder) else { throw failure(folder, "a readable folder", errno) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    closedir(stream)
    for name in names {
      let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
      var info = stat()
      guard lstat(path, &info) == 0 else { continue }
      if info.st_mode & S_IFMT == S_IFDIR {
        try walk(path, depth: depth + 1, into: &files)
      } else if name.hasSuffix(".safetensors") {
        files.append(path)
      }
    }
  }

  private static func failure(_ path: String, _ expected: String, _ code: CInt) -> OctetError {
    OctetError(
      .fileAccess, operation: "parity", argument: path, expected: expected,
      received: strerror(code).map { String(cString: $0) } ?? "error \(code)", fix: "check the path"
    )
  }
}
