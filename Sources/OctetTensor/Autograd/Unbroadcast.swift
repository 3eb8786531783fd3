extension Tensor {
  /// Sums over the dimensions along which `shape` was broadcast to this tensor's: the derivative of broadcasting.
  /// Elements are added in logical order, one after the other.
  package func summed(to shape: [Int]) throws(OctetError) -> Tensor {
    if shape == self.shape { return self }
    let source = try contiguous()
    let result = try Tensor(repeating: Float(0), shape: shape)
    if source.count == 0 || result.count == 0 { return result }
    let target = try result.expanded(source.shape)
    // Along the last dimension the target either moves with the source or stays.
    let (length, step) = (source.shape.last ?? 1, target.strides.last ?? 0)
    var walk = StridedWalk(
      shape: Array(source.shape.dropLast()), strides: [Array(target.strides.dropLast())])
    source.withElements(Float.self) { from in
      result.withMutableElements(Float.self) { to in
        var place = 0
        repeat {
          let base = walk.offsets[0]
          if step == 0 {
            var sum = to[base]
            for i in 0..<length { sum += from[place + i] }
            to[base] = sum
          } else {
            for i in 0..<length { to[base + i * step] += from[place + i] }
          }
          place += length
        } while walk.advance()
      }
    }
    return result
  }
}
