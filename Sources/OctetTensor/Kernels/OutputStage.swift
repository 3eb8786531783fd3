import COctet

/// How accumulators become output elements: the scales and bias of one (input scale, output) pair, as the C library's
/// output stage wants them.
///
/// With the products rounded to float32: `aw[c] = sx * sw[c]`, `m[c] = aw[c] / so`, bias in accumulator units
/// `b[c] / aw[c]`. fbgemm's rule.
final class OutputStage: Sendable {
  private let multiplier: [Float]
  private let bias: [Float]?
  private let dtype: DType
  private let zeroPoint: Int32
  private let low: Int32
  private let high: Int32
  private let realLow: Float

  /// What a stage is made for, besides the weights.
  struct Key: Equatable {
    let inputScale: Double
    let dtype: DType
    let result: QuantizedResult
  }

  /// The stage of a key for weights with these scales and this bias.
  convenience init(_ key: Key, weightScales: [Double], bias: [Float]?) {
    switch key.result {
    case .quantized(let scale, let zeroPoint, let relu):
      self.init(
        inputScale: key.inputScale, weightScales: weightScales, bias: bias, scale: scale,
        zeroPoint: zeroPoint, dtype: key.dtype, relu: relu)
    case .real(let relu):
      self.init(inputScale: key.inputScale, weightScales: weightScales, bias: bias, relu: relu)
    }
  }

  /// For quantized results: `scale` and `zeroPoint` are the output's.
  init(
    inputScale: Double, weightScales: [Double], bias: [Float]?, scale: Double, zeroPoint: Int,
    dtype: DType, relu: Bool
  ) {
    let products = weightScales.map { Float(inputScale) * Float($0) }
    multiplier = products.map { $0 / Float(scale) }
    self.bias = bias.map { values in
      values.indices.map { values[$0] / products[products.count == 1 ? 0 : $0] }
    }
    self.dtype = dtype
    self.zeroPoint = Int32(zeroPoint)
    let range = dtype.integerRange ?? 0...255
    low = relu ? Int32(max(zeroPoint, range.lowerBound)) : Int32(range.lowerBound)
    high = Int32(range.upperBound)
    realLow = 0
  }

  /// For float32 results.
  init(inputScale: Double, weightScales: [Double], bias: [Float]?, relu: Bool) {
    multiplier = weightScales.map { Float(inputScale) * Float($0) }
    self.bias = bias
    dtype = .float32
    zeroPoint = 0
    low = 0
    high = 0
    realLow = relu ? 0 : -.infinity
  }

  /// Runs `body` with the C struct.
  func withOutput<Result>(_ body: (UnsafePointer<oct_output>) -> Result) -> Result {
    multiplier.withUnsafeBufferPointer { m in
      (bias ?? []).withUnsafeBufferPointer { b in
        var output = oct_output()
        output.struct_size = UInt32(MemoryLayout<oct_output>.size)
        output.dtype = Kernel.type(of: dtype)
        output.multiplier = m.baseAddress
        output.multiplier_count = m.count
        output.bias_f32 = bias == nil ? nil : b.baseAddress
        output.zero_point = zeroPoint
        output.clamp_min = low
        output.clamp_max = high
        output.real_min = realLow
        output.real_max = .infinity
        return body(&output)
      }
    }
  }
}

/// What a quantized multiplication gives.
package enum QuantizedResult: Sendable, Equatable {
  /// Integers with this scale and zero point, in the input's element type.
  case quantized(scale: Double, zeroPoint: Int, relu: Bool)
  /// Real values.
  case real(relu: Bool)
}
