/// Sums float32 numbers in the order of torch.sum on one thread without vector extensions: 8 lanes, 4 rows of them at a
/// time, in blocks whose sums are added level by level. The order decides the last bits, and with them where a histogram
/// search stops and to which side a mean of quantized values is rounded.
package enum CascadeSum {
  private typealias Lanes = SIMD8<Float>
  private static let rows = 4
  private static let levels = 4

  /// The sum of all numbers.
  package static func sum(_ numbers: [Float]) -> Float {
    numbers.withUnsafeBufferPointer { numbers in
      numbers.baseAddress.map { sum($0, numbers.count) } ?? 0
    }
  }

  /// The sum of `count` numbers.
  static func sum(_ start: UnsafePointer<Float>, _ count: Int) -> Float {
    if count < 8 {
      return rowSum(count, zero: Float(0), add: +) { start[$0] }
    }
    let vectors = count / 8
    let bytes = UnsafeRawPointer(start)
    let lanes = rowSum(vectors, zero: Lanes(repeating: 0), add: +) {
      bytes.loadUnaligned(fromByteOffset: $0 * 32, as: Lanes.self)
    }
    var result: Float = 0
    for i in vectors * 8..<count { result += start[i] }
    for lane in 0..<8 { result += lanes[lane] }
    return result
  }

  @inline(__always)
  private static func rowSum<Value>(
    _ count: Int, zero: Value, add: (Value, Value) -> Value, _ load: (Int) -> Value
  ) -> Value {
    let height = count / rows
    if height == 0 {
      var result = zero
      for i in 0..<count { result = add(result, load(i)) }
      return result
    }
    var result = columnSums(height, zero: zero, add: add, load)
    for i in height * rows..<count { result[0] = add(result[0], load(i)) }
    return result.dropFirst().reduce(result[0], add)
  }

  /// The sums of 4 interleaved columns of `height` values.
  @inline(__always)
  private static func columnSums<Value>(
    _ height: Int, zero: Value, add: (Value, Value) -> Value, _ load: (Int) -> Value
  ) -> [Value] {
    let power = max(4, ceilLog2(height) / levels)
    let block = 1 << power
    var sums = [[Value]](repeating: [Value](repeating: zero, count: rows), count: levels)
    var i = 0
    while i + block <= height {
      for _ in 0..<block {
        for k in 0..<rows { sums[0][k] = add(sums[0][k], load(i * rows + k)) }
        i += 1
      }
      for level in 1..<levels {
        for k in 0..<rows {
          sums[level][k] = add(sums[level][k], sums[level - 1][k])
          sums[level - 1][k] = zero
        }
        if i & ((block - 1) << (level * power)) != 0 { break }
      }
    }
    while i < height {
      for k in 0..<rows { sums[0][k] = add(sums[0][k], load(i * rows + k)) }
      i += 1
    }
    for level in 1..<levels {
      for k in 0..<rows { sums[0][k] = add(sums[0][k], sums[level][k]) }
    }
    return sums[0]
  }

  private static func ceilLog2(_ value: Int) -> Int {
    value <= 1 ? 0 : Int.bitWidth - (value - 1).leadingZeroBitCount
  }
}
