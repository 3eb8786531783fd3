/// Conversion between plain element types.
extension Tensor {
  /// The same values in another plain type: floats round to nearest even, float to integer truncates and saturates (NaN
  /// becomes 0). torch's `to(dtype)`.
  public func converted(to target: DType) throws(OctetError) -> Tensor {
    target == dtype ? self : try apply(Convert(dtype: target), [self])
  }

  /// `converted` off the tape.
  func casted(to target: DType) throws(OctetError) -> Tensor {
    guard !isQuantized, !target.isQuantized else {
      throw OctetError(
        .quantizationMismatch, operation: "to", argument: "dtype",
        expected: "plain element types on both sides",
        received: "\(dtype.rawValue) to \(target.rawValue)",
        fix: "use quantize_per_tensor or dequantize")
    }
    let format = preferredFormat
    let source = try contiguous(format)
    let result = try Tensor(
      uninitialized: shape, dtype: target, format: format, operation: "to")
    switch dtype {
    case .float32:
      source.convert(Float.self, into: result) {
        Double($0)
      } integer: { _ in
        nil
      }
    case .float64:
      source.convert(Double.self, into: result) {
        $0
      } integer: { _ in
        nil
      }
    case .float16:
      source.convert(Half.self, into: result) {
        Double($0.float)
      } integer: { _ in
        nil
      }
    case .bfloat16:
      source.convert(BFloat16.self, into: result) {
        Double($0.float)
      } integer: { _ in
        nil
      }
    case .uint8, .bool:
      source.convert(UInt8.self, into: result) {
        Double($0)
      } integer: {
        Int64($0)
      }
    case .int8:
      source.convert(Int8.self, into: result) {
        Double($0)
      } integer: {
        Int64($0)
      }
    case .int16:
      source.convert(Int16.self, into: result) {
        Double($0)
      } integer: {
        Int64($0)
      }
    case .uint16:
      source.convert(UInt16.self, into: result) {
        Double($0)
      } integer: {
        Int64($0)
      }
    case .int32:
      source.convert(Int32.self, into: result) {
        Double($0)
      } integer: {
        Int64($0)
      }
    default:
      source.convert(Int64.self, into: result) {
        Double($0)
      } integer: {
        $0
      }
    }
    return result
  }

  private func convert<Scalar: BitwiseCopyable>(
    _ type: Scalar.Type, into result: Tensor,
    _ real: (Scalar) -> Double, integer: (Scalar) -> Int64?
  ) {
    let input = baseAddress.assumingMemoryBound(to: Scalar.self)
    let output = result.baseAddress
    func store<Out: BitwiseCopyable>(_ make: (Scalar) -> Out) {
      let target = output.assumingMemoryBound(to: Out.self)
      for i in 0..<count { target[i] = make(input[i]) }
    }
    func saturate<Out: FixedWidthInteger & BitwiseCopyable>(_ type: Out.Type) {
      store { value -> Out in
        if let whole = integer(value) { return Out(truncatingIfNeeded: whole) }
        return saturating(real(value), Out.self)
      }
    }
    switch result.dtype {
    // A binary64 holds every binary32 exactly, so a narrowing by way of Double rounds once.
    case .float32: store { Float(real($0)) }
    case .float64: store { real($0) }
    case .float16: store { Half(Float(real($0))) }
    case .bfloat16: store { BFloat16(Float(real($0))) }
    case .bool: store { value -> UInt8 in real(value) != 0 ? 1 : 0 }
    case .uint8: saturate(UInt8.self)
    case .int8: saturate(Int8.self)
    case .int16: saturate(Int16.self)
    case .uint16: saturate(UInt16.self)
    case .int32: saturate(Int32.self)
    default: saturate(Int64.self)
    }
  }
}

/// The integer nearest to zero's side of `value`, at the end of the range when it lies outside, 0 for NaN.
package func saturating<Out: FixedWidthInteger>(_ value: Double, _ type: Out.Type) -> Out {
  if value.isNaN { return 0 }
  if value <= Double(Out.min) { return .min }
  if value >= Double(Out.max) { return .max }
  return Out(value)
}
