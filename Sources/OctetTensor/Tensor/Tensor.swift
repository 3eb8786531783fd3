/// An n-dimensional array: dense numbers, or integers with a quantizer that gives them their real values.
///
/// A tensor is a reference to shared bytes seen through a shape and strides. Views (`select`, `transposed`, `expand`, ...)
/// alias the tensor they come from, as in torch. Reading from several threads is safe; a thread that writes into a tensor
/// must be the only one that uses its storage.
public final class Tensor: @unchecked Sendable {
  package private(set) var storage: Storage
  /// The first element's place in the storage, in elements.
  package private(set) var offset: Int
  /// The size of each dimension.
  public private(set) var shape: [Int]
  /// Elements to step over in memory for each dimension.
  public private(set) var strides: [Int]
  /// The element type.
  public let dtype: DType
  /// What gives quantized elements their meaning, nil for plain types.
  public private(set) var quantizer: Quantizer?
  /// Where this tensor stands on the tape; nil when gradients don't reach it.
  package var gradientNode: GradientNode?
  /// True for the stand-in that a failed call returns inside `collectingErrors`.
  package let isPlaceholder: Bool

  /// A view of `storage`; the caller has made sure that every element lies inside.
  package init(
    storage: Storage, offset: Int, shape: [Int], strides: [Int], dtype: DType,
    quantizer: Quantizer?, isPlaceholder: Bool = false
  ) {
    self.storage = storage
    self.offset = offset
    self.shape = shape
    self.strides = strides
    self.dtype = dtype
    self.quantizer = quantizer
    self.isPlaceholder = isPlaceholder
  }

  /// A new tensor with uninitialized elements.
  ///
  /// - Throws: `shapeMismatch` when a size is negative or the elements don't fit into memory.
  package convenience init(
    uninitialized shape: [Int], dtype: DType, quantizer: Quantizer? = nil,
    format: MemoryFormat = .contiguous, operation: String = "Tensor"
  ) throws(OctetError) {
    guard let count = Shapes.elementCount(shape), let bytes = dtype.byteCount(count),
      bytes <= Int.max / 2
    else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "shape",
        expected: "non-negative sizes whose product can be addressed", received: "\(shape)")
    }
    guard let storage = Storage(ifAvailable: bytes) else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "shape",
        expected: "elements that fit into memory", received: "\(shape) of \(dtype.rawValue)")
    }
    self.init(
      storage: storage, offset: 0, shape: shape,
      strides: format.strides(for: shape), dtype: dtype, quantizer: quantizer)
  }

  /// The number of dimensions.
  public var rank: Int { shape.count }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// True for quantized element types.
  public var isQuantized: Bool { dtype.isQuantized }

  /// True when walking the elements in logical order is walking memory.
  public var isContiguous: Bool { Shapes.isContiguous(shape, strides) }

  /// True when `[N, C, spatial...]` lies in memory with the channel fastest.
  public var isChannelsLast: Bool { Shapes.isChannelsLast(shape, strides) }

  /// The format that results computed from this tensor should take.
  package var preferredFormat: MemoryFormat {
    !isContiguous && isChannelsLast ? .channelsLast : .contiguous
  }

  /// What the eager sugar returns after an error inside `collectingErrors`.
  package static var placeholder: Tensor {
    Tensor(
      storage: Storage(byteCount: 0), offset: 0, shape: [0], strides: [1], dtype: .float32,
      quantizer: nil, isPlaceholder: true)
  }

  /// Makes this tensor see what `other` sees: how in-place verbs that change shape or quantizer end. The element types
  /// agree.
  package func adopt(_ other: Tensor) {
    precondition(dtype == other.dtype, "adopt keeps the element type")
    storage.markChanged()
    storage = other.storage
    offset = other.offset
    shape = other.shape
    strides = other.strides
    quantizer = other.quantizer
  }

  /// Makes this tensor the only one of a dense storage, copying when somebody else sees it too, and gives its float32 elements to be
  /// changed in place.
  package func withOwnElements<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws(OctetError) -> Result
  ) throws(OctetError) -> Result {
    if !isContiguous || !isKnownUniquelyReferenced(&storage) {
      adopt(try detached().copied(.contiguous))
    } else {
      storage.markChanged()
    }
    let start = storage.bytes.assumingMemoryBound(to: Float.self) + offset
    return try body(UnsafeMutableBufferPointer(start: start, count: count))
  }

  /// Replaces the quantizer of a quantized tensor.
  package func adopt(quantizer: Quantizer) { self.quantizer = quantizer }
}
