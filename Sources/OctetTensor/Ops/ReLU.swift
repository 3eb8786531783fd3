/// `max(x, 0)`; on integers `max(q, zeroPoint)`, keeping the quantizer. torch.relu.
struct ReLU: DifferentiableOperator {
  static let torchName = "relu"
  static let onnxName: String? = "Relu"
  static var widensHalf: Bool { true }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32, .quint8, .qint8, .qint32])
    if inputs[0].quantizer?.axis != nil {
      throw error(
        .invalidQuantizer, "input", expected: "a per-tensor scheme",
        received: "a per-channel one", fix: "dequantize it first")
    }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    // NaN stays NaN, as in torch.
    let format = inputs[0].preferredFormat
    let x = try inputs[0].contiguous(format)
    let y = try Tensor(uninitialized: x.shape, dtype: .float32, format: format)
    FloatRuns(first: x.floats, second: x.floats, result: y.mutableFloats)
      .forEachRun(x.count) { x, _, y, count in
        for i in 0..<count { y[i] = x[i] < 0 ? 0 : x[i] }
      }
    return withExtendedLifetime(x) { y }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard case .perTensor(_, let zero)? = output.quantizer?.parameters else { return inputs[0] }
    switch output.dtype {
    case .quint8:
      let low = UInt8(zero)
      return try map(inputs[0], UInt8.self) { max($0, low) }
    case .qint8:
      let low = Int8(zero)
      return try map(inputs[0], Int8.self) { max($0, low) }
    default:
      let low = Int32(zero)
      return try map(inputs[0], Int32.self) { max($0, low) }
    }
  }

  var saved: SavedForBackward { .output }

  /// `dx = dy where y > 0, else 0`; a NaN lets nothing through.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    guard let output = context.output else { return [nil] }
    let format = output.preferredFormat
    let (y, dy) = (try output.contiguous(format), try context.gradient.contiguous(format))
    let dx = try Tensor(uninitialized: y.shape, dtype: .float32, format: format)
    FloatRuns(first: y.floats, second: dy.floats, result: dx.mutableFloats)
      .forEachRun(y.count) { y, dy, dx, count in
        // In bits: signs come at random, and a branch on them costs more than all the rest.
        for i in 0..<count {
          let passes: UInt32 = y[i] > 0 ? 1 : 0
          dx[i] = Float(bitPattern: dy[i].bitPattern & (0 &- passes))
        }
      }
    return withExtendedLifetime((y, dy)) { [dx] }
  }

  private func map<Scalar: TensorScalar>(
    _ input: Tensor, _ type: Scalar.Type, _ transform: (Scalar) -> Scalar
  ) throws(OctetError) -> Tensor {
    let format = input.preferredFormat
    let dense = try input.contiguous(format)
    let result = try Tensor(
      uninitialized: input.shape, dtype: input.dtype, quantizer: input.quantizer, format: format)
    dense.withElements(Scalar.self) { source in
      result.withMutableElements(Scalar.self) { target in
        for i in 0..<source.count { target[i] = transform(source[i]) }
      }
    }
    return result
  }
}

extension Functional {
  /// `max(x, 0)` on float32 and on quint8, qint8 and qint32 with a per-tensor quantizer. torch.relu.
  public static func relu(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(ReLU(), [input])
  }
}

extension Tensor {
  /// `Functional.relu`, trapping on mistakes.
  public func relu() -> Tensor { eager { try Functional.relu(self) } }
}

/// `Functional.relu`, trapping on mistakes.
public func relu(_ x: Tensor) -> Tensor { x.relu() }
