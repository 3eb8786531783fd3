/// The bytes that one or several tensors share, never resized in place. What isn't adopted is aligned to 64 bytes.
package final class Storage: @unchecked Sendable {
  // Readers may share a storage between threads; whoever writes makes sure that nobody else looks, as with any
  // buffer. Operators write their own fresh outputs only.
  package let bytes: UnsafeMutableRawPointer
  package let byteCount: Int
  private let release: (@Sendable () -> Void)?
  /// Counts the in-place changes, so that the tape notices when what it saved was overwritten.
  package private(set) var version = 0

  /// To be called by every verb that writes into a tensor that others may hold.
  package func markChanged() { version += 1 }

  /// Uninitialized memory, nil when the system has none of that size left.
  package convenience init?(ifAvailable byteCount: Int) {
    guard let memory = Self.allocate(byteCount) else { return nil }
    self.init(memory, byteCount: byteCount)
  }

  /// Uninitialized memory for a few bytes; traps when there is none left.
  package convenience init(byteCount: Int) {
    guard let memory = Self.allocate(byteCount) else {
      fatalError("no memory for \(byteCount) bytes")
    }
    self.init(memory, byteCount: byteCount)
  }

  private init(_ memory: UnsafeMutableRawPointer, byteCount: Int) {
    bytes = memory
    self.byteCount = byteCount
    release = nil
  }

  /// Memory of somebody else's, given back by `release`.
  package init(
    adopting memory: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping @Sendable () -> Void
  ) {
    bytes = memory
    self.byteCount = byteCount
    self.release = release
  }

  /// Copies all bytes in; the counts agree.
  package func fill(from source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress else { return }
    bytes.copyMemory(from: start, byteCount: min(source.count, byteCount))
  }

  deinit {
    if let release { release() } else { Self.release(bytes, byteCount) }
  }
}
