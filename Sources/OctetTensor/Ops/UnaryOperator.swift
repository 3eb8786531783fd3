/// Where the quantized results of a function of one operand get their scale and zero point.
package enum QuantizedOutput: Sendable, Equatable {
  /// From the input.
  case kept
  /// These. The input must be quantized.
  case given(scale: Double, zeroPoint: Int)
  /// Such that the integers cover 0...1: scale 1/256 and the smallest integer (qint32: 2^-32 and 0).
  case unitInterval
  /// Such that the integers cover -1...1: scale 2/256 and the middle integer (qint32: 2^-31 and 0).
  case symmetricInterval
}

/// A function of each element on its own. On integers `q = quantize(f(dequantize(x)))`, rounded at each step, by a table
/// of all codes.
protocol UnaryOperator: DifferentiableOperator {
  /// The result's scale and zero point.
  var output: QuantizedOutput { get }

  /// The function in float32.
  func callAsFunction(_ x: Float) -> Float

  /// Computes all elements by a kernel of its own; false when there is none, and `callAsFunction` computes them one by one. Tensors are dense, in
  /// one memory order.
  func runKernel(_ x: Tensor, into y: Tensor) throws(OctetError) -> Bool

  /// The function's slope at `x`, where the function is `y`. At a corner: torch's choice.
  func derivative(_ x: Float, _ y: Float) -> Float

  /// Checks the operator's own attributes.
  func checkAttributes() throws(OctetError)
}

extension UnaryOperator {
  static var widensHalf: Bool { true }

  func checkAttributes() throws(OctetError) {}

  func runKernel(_ x: Tensor, into y: Tensor) throws(OctetError) -> Bool { false }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let input = inputs[0]
    var allowed = Self.elementwiseTypes
    if case .given = output {} else { allowed.append(.float32) }
    try require(input, "input", dtypes: allowed)
    try checkAttributes()
    guard input.isQuantized else { return input }
    try requirePerTensor(input, "input")
    var result = input
    if let (scale, zeroPoint) = parameters(for: input.dtype) {
      result.quantizer = try Quantizer(
        scale: scale, zeroPoint: zeroPoint, dtype: input.dtype, operation: Self.torchName)
    }
    return result
  }

  private func parameters(for dtype: DType) -> (scale: Double, zeroPoint: Int)? {
    switch (output, dtype) {
    case (.kept, _): nil
    case (.given(let scale, let zeroPoint), _): (scale, zeroPoint)
    case (.unitInterval, .qint32): (0x1p-32, 0)
    case (.unitInterval, .qint8): (0x1p-8, -128)
    case (.unitInterval, _): (0x1p-8, 0)
    case (.symmetricInterval, .qint32): (0x1p-31, 0)
    case (.symmetricInterval, .qint8): (0x1p-7, 0)
    case (.symmetricInterval, _): (0x1p-7, 128)
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let format = inputs[0].preferredFormat
    let dense = try inputs[0].contiguous(format)
    let result = try Tensor(uninitialized: output.shape, dtype: .float32, format: format)
    if try runKernel(dense, into: result) { return result }
    let job = FloatElements(
      x: dense.baseAddress.assumingMemoryBound(to: Float.self),
      y: result.baseAddress.assumingMemoryBound(to: Float.self))
    let grain = 1 << 13
    if dense.count <= grain {
      for i in 0..<dense.count { job.y[i] = self(job.x[i]) }
    } else {
      parallelFor(dense.count, grain: grain) { range in
        for i in range { job.y[i] = self(job.x[i]) }
      }
    }
    return result
  }

  var saved: SavedForBackward { [.inputs, .output] }

  /// `dx = dy * f'(x)`.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    guard let y = context.output else { return [nil] }
    return [
      try context.inputs[0].combined(y, context.gradient) { x, y, dy in dy * derivative(x, y) }
    ]
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let from = try rules(inputs[0].spec)
    let to = try rules(output)
    return try inputs[0].mapCodes(output, operation: Self.torchName) {
      to.code(self(from.real($0)))
    }
  }
}

/// Elements of dense tensors of one memory order. Threads that share them write ranges of their own.
struct FloatElements: @unchecked Sendable {
  let x: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>

  init(x: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>) {
    self.x = UnsafePointer(x)
    self.y = y
  }
}
