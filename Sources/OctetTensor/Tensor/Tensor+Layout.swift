/// Copies that change how elements lie in memory.
extension Tensor {
  /// The same values, dense in `format`: the tensor itself when it already is, a copy otherwise. torch's `contiguous()`.
  public func contiguous(_ format: MemoryFormat = .contiguous) throws(OctetError) -> Tensor {
    let dense =
      switch format {
      case .contiguous: isContiguous
      case .channelsLast: rank < 3 ? isContiguous : isChannelsLast
      }
    if dense { return self }
    let isUnseen = gradientNode == nil && ExecutionMode.recorder == nil
    return isUnseen ? try copied(format) : try clone(format)
  }

  /// A copy with storage of its own. torch's `clone()`.
  public func clone(_ format: MemoryFormat? = nil) throws(OctetError) -> Tensor {
    try apply(Clone(format: format), [self])
  }

  /// `clone` off the tape.
  func copied(_ format: MemoryFormat?) throws(OctetError) -> Tensor {
    let result = try Tensor(
      uninitialized: shape, dtype: dtype, quantizer: quantizer, format: format ?? preferredFormat,
      operation: "clone")
    try result.copyElements(from: self)
    return result
  }

  /// Copies raw elements from a tensor of the same shape and stored type, whatever the strides of either.
  package func copyElements(from source: Tensor) throws(OctetError) {
    precondition(shape == source.shape && dtype.bitWidth == source.dtype.bitWidth)
    if count == 0 { return }
    if strides == source.strides && (isContiguous || isChannelsLast) {
      let bytes = (count * dtype.bitWidth + 7) / 8
      baseAddress.copyMemory(from: source.baseAddress, byteCount: bytes)
      return
    }
    switch dtype.bitWidth {
    case 8: copyStrided(from: source, as: UInt8.self)
    case 16: copyStrided(from: source, as: UInt16.self)
    case 32: copyStrided(from: source, as: UInt32.self)
    case 64: copyStrided(from: source, as: UInt64.self)
    default:
      throw OctetError(
        .dtypeMismatch, operation: "copy", argument: "dtype",
        expected: "whole bytes per element for a tensor that isn't contiguous",
        received: dtype.rawValue, fix: "dequantize first")
    }
  }

  private func copyStrided<Word: BitwiseCopyable>(from source: Tensor, as type: Word.Type) {
    let target = storage.bytes.assumingMemoryBound(to: Word.self) + offset
    let origin = source.storage.bytes.assumingMemoryBound(to: Word.self) + source.offset
    // The innermost loop runs over the target's fastest dimension, so that writes are dense.
    let order = shape.indices.sorted { strides[$0] > strides[$1] }
    guard let inner = order.last else {
      target.pointee = origin.pointee
      return
    }
    let (length, step, sourceStep) = (shape[inner], strides[inner], source.strides[inner])
    var walk = StridedWalk(
      shape: order.dropLast().map { shape[$0] },
      strides: [
        order.dropLast().map { strides[$0] }, order.dropLast().map { source.strides[$0] },
      ])
    repeat {
      let out = target + walk.offsets[0]
      let data = origin + walk.offsets[1]
      for i in 0..<length { out[i * step] = data[i * sourceStep] }
    } while walk.advance()
  }
}

/// Steps through an index space in row-major order, keeping the memory offset of several tensors.
package struct StridedWalk {
  private let shape: [Int]
  private let strides: [[Int]]
  private var index: [Int]
  /// The current offset of each tensor, in elements.
  package private(set) var offsets: [Int]

  /// Starts at index zero; no size in `shape` may be zero.
  package init(shape: [Int], strides: [[Int]]) {
    self.shape = shape
    self.strides = strides
    index = [Int](repeating: 0, count: shape.count)
    offsets = [Int](repeating: 0, count: strides.count)
  }

  /// Moves to the next index; false after the last one.
  package mutating func advance() -> Bool {
    for axis in shape.indices.reversed() {
      index[axis] += 1
      for t in strides.indices { offsets[t] += strides[t][axis] }
      if index[axis] < shape[axis] { return true }
      for t in strides.indices { offsets[t] -= strides[t][axis] * shape[axis] }
      index[axis] = 0
    }
    return false
  }
}
