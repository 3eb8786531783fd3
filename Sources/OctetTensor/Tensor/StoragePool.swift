import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory of large tensors that died, kept for the next one of that size: a training step asks for the same sizes again and again, and
/// fresh pages from the system cost more than what is computed into them.
struct StoragePool: ~Copyable {
  /// Smaller ones are the system allocator's business.
  static let least = 1 << 16
  /// Bytes that lie idle at most.
  private static let capacity = 1 << 27

  static let shared = Mutex(StoragePool())

  private struct Block: @unchecked Sendable {
    // Owned by the pool while it is listed.
    let memory: UnsafeMutableRawPointer
  }
  private var idle: [Int: [Block]] = [:]
  private var idleBytes = 0

  /// The size that memory for `byteCount` bytes is taken in.
  static func size(_ byteCount: Int) -> Int { (byteCount + 4095) & ~4095 }

  /// Idle memory of a size, nil when there is none.
  mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
    guard let block = idle[size]?.popLast() else { return nil }
    idleBytes -= size
    return block.memory
  }

  /// Keeps memory of a size; false when there is enough already.
  mutating func keep(_ memory: UnsafeMutableRawPointer, _ size: Int) -> Bool {
    guard idleBytes + size <= Self.capacity else { return false }
    idleBytes += size
    idle[size, default: []].append(Block(memory: memory))
    return true
  }
}

extension Storage {
  /// Memory aligned to 64 bytes, nil when the system has none of that size left.
  static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    var memory: UnsafeMutableRawPointer?
    if byteCount < StoragePool.least {
      return posix_memalign(&memory, 64, max(byteCount, 1)) == 0 ? memory : nil
    }
    let size = StoragePool.size(byteCount)
    if let known = StoragePool.shared.withLock({ Block($0.take(size)) }).memory { return known }
    return posix_memalign(&memory, 64, size) == 0 ? memory : nil
  }

  /// Gives memory back to the pool or the system.
  static func release(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
    let block = Block(memory)
    if byteCount >= StoragePool.least,
      StoragePool.shared.withLock({ pool in
        block.memory.map { pool.keep($0, StoragePool.size(byteCount)) } ?? false
      })
    {
      return
    }
    free(memory)
  }

  /// Memory on its way through the pool's lock.
  private struct Block: @unchecked Sendable {
    // Owned by whoever holds it.
    let memory: UnsafeMutableRawPointer?
    init(_ memory: UnsafeMutableRawPointer?) { self.memory = memory }
  }
}
