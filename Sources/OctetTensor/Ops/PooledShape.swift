/// What average pools and interpolation do with their input's shape and memory.
enum PooledShape {
  /// Refuses element types, schemes and ranks that pools don't take.
  static func check(
    _ op: some Operator, _ x: TensorSpec, rank: Int, name: String
  ) throws(OctetError) {
    try op.require(x, "input", dtypes: [.float32, .quint8, .qint8])
    if x.quantizer?.axis != nil {
      throw OctetError(
        .invalidQuantizer, operation: name, argument: "input", expected: "a per-tensor scheme",
        received: "a per-channel one", fix: "dequantize it first")
    }
    // As in torch, the batch dimension may be left out.
    guard x.rank == rank + 2 || x.rank == rank + 1 else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "input",
        expected: "\(rank + 2) dimensions [N, C, spatial...]", received: "shape \(x.shape)")
    }
  }

  /// True when torch takes its channels-last path: batched, and with the channel fastest in memory.
  static func isChannelsLast(_ x: Tensor, rank: Int) -> Bool {
    x.rank == rank + 2 && x.isChannelsLast
  }

  /// Runs `body` on channels-last copies with a batch dimension and gives the output the input's layout and rank.
  static func channelsLast(
    _ input: Tensor, rank: Int, _ output: TensorSpec,
    _ body: (_ x: Tensor, _ y: Tensor) throws(OctetError) -> Void
  ) throws(OctetError) -> Tensor {
    let batched = input.rank == rank + 2
    let x = batched ? input : try input.unsqueezed(0)
    let y = try Tensor(
      uninitialized: batched ? output.shape : [1] + output.shape, dtype: output.dtype,
      quantizer: output.quantizer, format: .channelsLast)
    try body(x.contiguous(.channelsLast), y)
    let kept = input.preferredFormat == .contiguous ? try y.contiguous() : y
    return batched ? kept : try kept.squeezed(0)
  }

  /// Means of float32 planes.
  static func means(
    _ input: Tensor, _ windows: AverageWindows, _ output: TensorSpec
  ) throws(OctetError) -> Tensor {
    let x = try input.contiguous()
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let pixels = windows.spans.map(\.count).reduce(1, *)
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        guard let source = source.baseAddress, let target = target.baseAddress, pixels > 0 else {
          return
        }
        windows.run(planes: result.count / pixels, source, target)
      }
    }
    return result
  }

  /// The gradient with respect to an input of `shape` of what `means` computed.
  static func spread(_ gradient: Tensor, _ windows: AverageWindows, _ shape: [Int])
    throws(OctetError) -> Tensor
  {
    let dy = try gradient.contiguous()
    let result = try Tensor(repeating: Float(0), shape: shape)
    let pixels = windows.spans.map(\.count).reduce(1, *)
    dy.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        guard let source = source.baseAddress, let target = target.baseAddress, pixels > 0 else {
          return
        }
        windows.spread(planes: dy.count / pixels, source, target)
      }
    }
    return result
  }
}
