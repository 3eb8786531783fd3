extension Tensor {
  /// Sums of each channel of a float32 `[N, C, ...]` over everything else, `[C]`: the derivative of a bias.
  func channelSums() throws(OctetError) -> Tensor {
    let source = try contiguous()
    let planes = FloatBatchNorm(shape: shape)
    var sums = [Double](repeating: 0, count: planes.channels)
    source.withElements(Float.self) { x in
      if let x = x.baseAddress { planes.sums(x, &sums) }
    }
    return try Tensor(sums.map { Float($0) }, shape: [planes.channels])
  }

  /// Sums over the dimensions along which `shape` was broadcast to this tensor's: the derivative of broadcasting.
  /// Elements are added in logical order, one after the other.
  package func summed(to shape: [Int]) throws(OctetError) -> Tensor {
    if shape == self.shape { return self }
    switch dtype {
    case .float64: return try summed(to: shape, Double(0))
    case .float32: return try summed(to: shape, Float(0))
    default: return try converted(to: .float32).summed(to: shape).converted(to: dtype)
    }
  }

  private func summed<Real: RealScalar>(to shape: [Int], _ zero: Real) throws(OctetError)
    -> Tensor
  {
    let source = try contiguous()
    let result = try Tensor(repeating: zero, shape: shape)
    if source.count == 0 || result.count == 0 { return result }
    let target = try result.expanded(source.shape)
    // Along the last dimension the target either moves with the source or stays.
    let (length, step) = (source.shape.last ?? 1, target.strides.last ?? 0)
    var walk = StridedWalk(
      shape: Array(source.shape.dropLast()), strides: [Array(target.strides.dropLast())])
    source.withElements(Real.self) { from in
      result.withMutableElements(Real.self) { to in
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
