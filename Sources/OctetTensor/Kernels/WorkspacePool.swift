import Synchronization

/// Aligned scratch memory that outlives a call, so that running a model in steady state allocates nothing large.
final class WorkspacePool: Sendable {
  static let shared = WorkspacePool()

  private struct Buffers: @unchecked Sendable {
    // Owned by the pool while listed here and by one caller while lent.
    var idle: [UnsafeMutableRawBufferPointer] = []
  }
  private let buffers = Mutex(Buffers())
  private static let capacity = 8

  /// A buffer of at least `byteCount` bytes.
  func take(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let found = buffers.withLock { pool -> UnsafeMutableRawBufferPointer? in
      guard let index = pool.idle.firstIndex(where: { $0.count >= byteCount }) else { return nil }
      return pool.idle.remove(at: index)
    }
    return found
      ?? UnsafeMutableRawBufferPointer.allocate(
        byteCount: (byteCount + 4095) & ~4095, alignment: 64)
  }

  /// Gives a lent buffer back. The smallest one goes when the pool is full.
  func put(_ buffer: UnsafeMutableRawBufferPointer) {
    let surplus = buffers.withLock { pool -> UnsafeMutableRawBufferPointer? in
      pool.idle.append(buffer)
      pool.idle.sort { $0.count < $1.count }
      return pool.idle.count > Self.capacity ? pool.idle.removeFirst() : nil
    }
    surplus?.deallocate()
  }
}
