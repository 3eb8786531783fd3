/// Elements as whole numbers in the same order, so that one loop orders every dtype.
struct OrderKeys {
  /// One key for each element of a tensor whose last dimension is the lane.
  let keys: [Int]
  /// Elements to a lane.
  let count: Int

  /// Keys of a tensor with `dim` moved innermost. NaN comes behind every number, or in front of all.
  init(_ x: Tensor, dim: Int, nanIsLargest: Bool = true) throws(OctetError) {
    count = x.shape[dim]
    var order = Array(x.shape.indices)
    order.append(order.remove(at: dim))
    let dense = try x.aliasPermuted(order).contiguous()
    func words<Scalar: TensorScalar & BinaryInteger>(_ type: Scalar.Type) -> [Int] {
      dense.withElements(type) { $0.map { Int($0) } }
    }
    func reals<Scalar: TensorScalar>(_ type: Scalar.Type, _ value: (Scalar) -> Double) -> [Int] {
      dense.withElements(type) { $0.map { Self.key(value($0), nanIsLargest) } }
    }
    switch x.dtype {
    case .float32: keys = reals(Float.self) { Double($0) }
    case .float64: keys = reals(Double.self) { $0 }
    case .float16: keys = reals(Half.self) { Double($0.float) }
    case .bfloat16: keys = reals(BFloat16.self) { Double($0.float) }
    case .bool: keys = dense.withElements(Bool.self) { $0.map { $0 ? 1 : 0 } }
    case .int8, .qint8: keys = words(Int8.self)
    case .int16: keys = words(Int16.self)
    case .uint16: keys = words(UInt16.self)
    case .int32, .qint32: keys = words(Int32.self)
    case .int64: keys = words(Int64.self)
    case .uint8, .quint8, .quint4x2, .quint2x4: keys = words(UInt8.self)
    }
  }

  /// Doubles keep their order when negative ones have their magnitude bits turned round; -0 counts as 0.
  private static func key(_ x: Double, _ nanIsLargest: Bool) -> Int {
    if x.isNaN { return nanIsLargest ? .max : .min }
    let bits = Int(bitPattern: UInt((x + 0).bitPattern))
    return bits >= 0 ? bits : bits ^ .max
  }

  /// `length` places of each lane that `choose` names, as int64 where a dimension of that size has them.
  func places(
    _ shape: [Int], dim: Int, length: Int, _ choose: (ArraySlice<Int>) -> [Int]
  ) throws(OctetError) -> Tensor {
    var inner = shape
    inner.remove(at: dim)
    inner.append(length)
    let result = try Tensor(uninitialized: inner, dtype: .int64)
    result.withMutableElements(Int64.self) { target in
      if target.isEmpty { return }
      for lane in 0..<(target.count / length) {
        let chosen = choose(keys[(lane * count)..<((lane + 1) * count)])
        for (i, place) in chosen.enumerated() { target[lane * length + i] = Int64(place) }
      }
    }
    var order = Array(0..<(shape.count - 1))
    order.insert(shape.count - 1, at: dim)
    return try result.permuted(order).contiguous()
  }
}

extension Operator {
  /// Refuses packed and per-channel tensors, whose codes have no common order.
  func requireOrdered(_ spec: TensorSpec) throws(OctetError) {
    guard spec.dtype.bitWidth >= 8, spec.quantizer?.axis == nil else {
      throw error(
        spec.dtype.bitWidth < 8 ? .dtypeMismatch : .invalidQuantizer, "input",
        expected: "a plain dtype, or quint8, qint8 or qint32 with a per-tensor scheme",
        received: "dtype \(spec.dtype.rawValue), \(spec.quantizer?.scheme.rawValue ?? "plain")",
        fix: "dequantize it first")
    }
  }
}
