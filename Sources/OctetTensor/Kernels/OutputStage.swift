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

/// The scales and zero points of a quantized weight over its output channels.
struct WeightParameters: Sendable {
  let scales: [Double]
  /// nil when all are 0.
  let zeroPoints: [Int32]?

  init(_ quantizer: Quantizer) {
    switch quantizer.parameters {
    case .perTensor(let scale, let zero):
      scales = [scale]
      zeroPoints = zero == 0 ? nil : [Int32(zero)]
    case .perChannel(let scales, let zeros, _):
      self.scales = scales
      zeroPoints = zeros.allSatisfy { $0 == 0 } ? nil : zeros.map(Int32.init)
    case .perChannelFloat(let scales, _, _):
      self.scales = scales.map(Double.init)
      zeroPoints = nil
    }
  }
}

/// Aligned bytes that the C library packed.
final class PackedBytes: @unchecked Sendable {
  // Written once, before anybody else sees it.
  let buffer: UnsafeMutableRawBufferPointer

  init(count: Int) {
    buffer = .allocate(byteCount: max(count, 1), alignment: Int(OCT_ALIGNMENT))
  }

  deinit { buffer.deallocate() }
}
