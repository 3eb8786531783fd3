/// The rules between integers and real numbers for one scale and zero point, one element at a time: what every kernel is
/// held against, and what tables are built with.
package struct ScalarQuantization: Sendable, Equatable {
  /// The real value of one step, as kernels round it.
  package let scale: Float
  /// The integer that stands for 0.
  package let zeroPoint: Int32
  /// The smallest and the largest integer.
  package let range: ClosedRange<Int32>
  private let inverse: Float

  /// The rules of a quantized tensor; nil for plain and per-channel ones and for packed types.
  package init?(_ spec: TensorSpec) {
    guard case .perTensor(let scale, let zeroPoint)? = spec.quantizer?.parameters,
      let range = spec.dtype.integerRange, spec.dtype.bitWidth >= 8
    else { return nil }
    self.scale = Float(scale)
    self.zeroPoint = Int32(zeroPoint)
    self.range = Int32(range.lowerBound)...Int32(range.upperBound)
    inverse = 1 / Float(scale)
  }

  /// `scale * (q - zeroPoint)`, the difference in int32.
  package func real(_ code: Int32) -> Float { scale * Float(code &- zeroPoint) }

  /// `clamp(zeroPoint + rint(x * (1 / scale)))`, ties to even, NaN to the largest integer.
  package func code(_ x: Float) -> Int32 { code(steps: x * inverse) }

  /// `clamp(zeroPoint + rint(steps))`.
  package func code(steps: Float) -> Int32 {
    if steps.isNaN { return range.upperBound }
    let zero = Double(zeroPoint)
    let low = Double(range.lowerBound) - zero
    let high = Double(range.upperBound) - zero
    let clamped = min(max(Double(steps), low), high)
    return Int32(clamped.rounded(.toNearestOrEven) + zero)
  }
}

extension Tensor {
  /// What a function makes of the 256 codes of an 8-bit type, by their bits.
  static func table(isSigned: Bool, _ function: (Int32) -> Int32) -> [UInt8] {
    (0..<256).map { byte in
      let code = isSigned ? Int32(Int8(truncatingIfNeeded: byte)) : Int32(byte)
      return UInt8(truncatingIfNeeded: function(code))
    }
  }

  /// Each integer through `function`, into a new tensor of `output`'s type in the same memory order: by a table of all codes
  /// where there are fewer codes than elements. Input and output have one element type; `function` stays in its range.
  func mapCodes(
    _ output: TensorSpec, operation: String, _ function: (Int32) -> Int32
  ) throws(OctetError) -> Tensor {
    let format = preferredFormat
    let source = try contiguous(format)
    let result = try Tensor(
      uninitialized: shape, dtype: output.dtype, quantizer: output.quantizer, format: format,
      operation: operation)
    func direct<Scalar: TensorScalar & FixedWidthInteger>(_ type: Scalar.Type) {
      source.withElements(Scalar.self) { x in
        result.withMutableElements(Scalar.self) { y in
          for i in 0..<x.count { y[i] = Scalar(truncatingIfNeeded: function(Int32(x[i]))) }
        }
      }
    }
    let isWide = dtype.bitWidth > 8
    let isSigned = dtype.storageDType == .int8
    if isWide || count < 256 {
      if isWide {
        direct(Int32.self)
      } else if isSigned {
        direct(Int8.self)
      } else {
        direct(UInt8.self)
      }
      return result
    }
    try Kernel.lookup(
      source, Self.table(isSigned: isSigned, function), into: result, operation: operation)
    return result
  }
}
