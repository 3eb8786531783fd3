/// Operators that graph passes put in place of others.
package enum LoweredOperators {
  /// torch.quantize_per_tensor.
  package static func quantize(scale: Double, zeroPoint: Int, dtype: DType) throws(OctetError)
    -> any Operator
  {
    let name = "quantize_per_tensor"
    let quantizer = try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: dtype, operation: name)
    return Quantize(quantizer: quantizer, dtype: dtype, name: name)
  }

  /// torch's dequantize.
  package static func dequantize() -> any Operator { Dequantize() }

  /// The quantized form of a sum or product of two tensors with an output scale and zero point; nil for other functions. torch's
  /// quantized::add, quantized::mul, and those with relu.
  package static func quantizedArithmetic(
    _ function: String, scale: Double, zeroPoint: Int, relu: Bool
  ) -> (any Operator)? {
    let result = QuantizedArithmeticResult(scale: scale, zeroPoint: zeroPoint, relu: relu)
    switch function {
    case "add": return QuantizedAdd(result: result)
    case "mul": return QuantizedMultiply(result: result)
    default: return nil
    }
  }

  /// The quantized form of a sum or product of a tensor and a number, whose parameters follow from the input's; nil for other
  /// operators. torch's quantized::add and quantized::mul with a number.
  package static func quantizedScalar(_ op: any Operator) -> (any Operator)? {
    guard let scalar = op as? ScalarArithmetic else { return nil }
    switch scalar.kind {
    case .add: return QuantizedAddScalar(scalar: Double(scalar.scalar), relu: false)
    case .multiply: return QuantizedMultiplyScalar(scalar: Double(scalar.scalar), relu: false)
    case .subtract, .divide: return nil
    }
  }
}
