/// The bytes that one or several tensors share. Memory is aligned to 64 bytes and never resized in place.
package final class Storage: @unchecked Sendable {
  // Readers may share a storage between threads; whoever writes makes sure that nobody else looks, as with any
  // buffer. Operators write their own fresh outputs only.
  package let bytes: UnsafeMutableRawPointer
  package let byteCount: Int

  /// Uninitialized memory.
  package init(byteCount: Int) {
    self.byteCount = byteCount
    bytes = .allocate(byteCount: max(byteCount, 1), alignment: 64)
  }

  /// Copies all bytes in; the counts agree.
  package func fill(from source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress else { return }
    bytes.copyMemory(from: start, byteCount: min(source.count, byteCount))
  }

  deinit { bytes.deallocate() }
}
