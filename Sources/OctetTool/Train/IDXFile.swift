import Foundation
import Octet

/// Files of the MNIST family: big-endian sizes, then bytes, inside gzip.
enum IDXFile {
  /// What the largest file of the family holds, with room to spare.
  private static let limit = 1 << 28

  /// The bytes of a file as uint8 of its shape.
  static func read(_ path: String) throws -> Tensor {
    let bytes = try inflated(path)
    func refuse(_ expected: String, _ received: String) -> OctetError {
      OctetError(
        .malformedFile, operation: "train-demo", argument: path, expected: expected,
        received: received, fix: "reinstall the package dataset-fashion-mnist")
    }
    guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, bytes[2] == 8, (1...4).contains(bytes[3])
    else {
      throw refuse("an IDX file of bytes with 1 to 4 dimensions", "another beginning")
    }
    let rank = Int(bytes[3])
    let start = 4 + 4 * rank
    guard bytes.count >= start else { throw refuse("\(rank) sizes", "\(bytes.count) bytes") }
    let shape = (0..<rank).map { d in
      bytes[(4 + 4 * d)..<(8 + 4 * d)].reduce(0) { $0 << 8 | Int($1) }
    }
    let count = shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    guard shape.allSatisfy({ $0 < limit }), count == bytes.count - start else {
      throw refuse("\(shape) bytes behind the sizes", "\(bytes.count - start)")
    }
    return try Tensor(Array(bytes[start...]), shape: shape)
  }

  /// The file's content by the gzip program, which every Debian has.
  private static func inflated(_ path: String) throws -> [UInt8] {
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-dc", "--", path]
    let pipe = Pipe()
    gzip.standardOutput = pipe
    gzip.standardError = FileHandle.nullDevice
    try gzip.run()
    var bytes: [UInt8] = []
    while let part = try pipe.fileHandleForReading.read(upToCount: 1 << 20), !part.isEmpty {
      bytes += part
      if bytes.count > limit { gzip.terminate() }
    }
    gzip.waitUntilExit()
    guard gzip.terminationStatus == 0 else {
      throw OctetError(
        .fileAccess, operation: "train-demo", argument: path, expected: "a file that gzip reads",
        received: "exit code \(gzip.terminationStatus) of gzip",
        fix: "install gzip, and reinstall the package dataset-fashion-mnist")
    }
    return bytes
  }
}
