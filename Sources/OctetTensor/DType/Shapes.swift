/// Arithmetic on shapes: the one place where axes are normalized and sizes multiplied.
package enum Shapes {
  /// `axis` counted from the front, nil when it lies outside `rank` dimensions.
  package static func normalize(axis: Int, rank: Int) -> Int? {
    let positive = axis < 0 ? axis + rank : axis
    return (0..<rank).contains(positive) ? positive : nil
  }

  /// The number of elements, nil when a size is negative or the product doesn't fit.
  package static func elementCount(_ shape: [Int]) -> Int? {
    var count = 1
    var overflow = false
    for size in shape {
      if size < 0 { return nil }
      if size == 0 { return shape.allSatisfy { $0 >= 0 } ? 0 : nil }
      let (product, over) = count.multipliedReportingOverflow(by: size)
      overflow = overflow || over
      count = product
    }
    return overflow ? nil : count
  }

  /// Strides of a tensor whose last dimension varies fastest.
  package static func contiguousStrides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    var step = 1
    for axis in shape.indices.reversed() {
      strides[axis] = step
      step *= max(shape[axis], 1)
    }
    return strides
  }

  /// Strides of `[N, C, spatial...]` with the channel fastest.
  package static func channelsLastStrides(_ shape: [Int]) -> [Int] {
    guard shape.count >= 3 else { return contiguousStrides(shape) }
    var strides = [Int](repeating: 1, count: shape.count)
    var step = max(shape[1], 1)
    for axis in shape.indices.reversed() where axis >= 2 {
      strides[axis] = step
      step *= max(shape[axis], 1)
    }
    strides[0] = step
    return strides
  }

  /// True when walking the elements in logical order is walking memory.
  package static func isContiguous(_ shape: [Int], _ strides: [Int]) -> Bool {
    var step = 1
    for axis in shape.indices.reversed() {
      if shape[axis] != 1 {
        if strides[axis] != step { return shape.contains(0) }
        step *= max(shape[axis], 1)
      }
    }
    return true
  }

  /// True when `[N, C, spatial...]` lies in memory with the channel fastest.
  package static func isChannelsLast(_ shape: [Int], _ strides: [Int]) -> Bool {
    guard shape.count >= 3 else { return false }
    if shape.contains(0) { return true }
    if shape[1] != 1, strides[1] != 1 { return false }
    var step = shape[1]
    for axis in shape.indices.reversed() where axis >= 2 {
      if shape[axis] != 1, strides[axis] != step { return false }
      step *= shape[axis]
    }
    return shape[0] == 1 || strides[0] == step
  }

  /// The shape that torch's broadcasting gives, nil when the shapes don't go together.
  package static func broadcast(_ a: [Int], _ b: [Int]) -> [Int]? {
    let rank = max(a.count, b.count)
    var result = [Int](repeating: 1, count: rank)
    for axis in 0..<rank {
      let x = axis < rank - a.count ? 1 : a[axis - (rank - a.count)]
      let y = axis < rank - b.count ? 1 : b[axis - (rank - b.count)]
      guard x == y || x == 1 || y == 1 else { return nil }
      result[axis] = x == 1 ? y : x
    }
    return result
  }
}

/// How the elements of `[N, C, spatial...]` lie in memory.
public enum MemoryFormat: String, Sendable, CaseIterable {
  /// The last dimension varies fastest.
  case contiguous = "contiguous_format"
  /// The channel varies fastest; any number of spatial dimensions.
  case channelsLast = "channels_last"

  /// Strides of a dense tensor of `shape` in this format.
  package func strides(for shape: [Int]) -> [Int] {
    switch self {
    case .contiguous: Shapes.contiguousStrides(shape)
    case .channelsLast: Shapes.channelsLastStrides(shape)
    }
  }
}
