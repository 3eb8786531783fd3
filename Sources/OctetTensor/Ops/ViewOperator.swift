/// An operator whose result is the input's elements, plain or quantized, seen through other strides.
protocol ViewOperator: DifferentiableOperator {
  /// The view, made from metadata alone.
  func alias(_ x: Tensor) throws(OctetError) -> Tensor
}

extension ViewOperator {
  /// What the view of a contiguous tensor would be.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try alias(Tensor(metadata: inputs[0])).spec
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try alias(inputs[0])
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try alias(inputs[0])
  }

  var saved: SavedForBackward { [] }

  /// Adds each element of the gradient to the place that the view showed.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let spec = context.inputSpecs[0]
    if spec.dtype == .float64 {
      let result = try Tensor(repeating: Double(0), shape: spec.shape)
      try alias(result).accumulate(context.gradient, Double.self)
      return [result]
    }
    let result = try Tensor(repeating: Float(0), shape: spec.shape)
    try alias(result).accumulate(context.gradient.converted(to: .float32), Float.self)
    return [try result.converted(to: spec.dtype)]
  }
}

extension Tensor {
  private static let noStorage = Storage(byteCount: 0)

  /// A contiguous tensor without elements to read, for rules that look at metadata alone.
  convenience init(metadata spec: TensorSpec) {
    self.init(
      storage: Self.noStorage, offset: 0, shape: spec.shape,
      strides: Shapes.contiguousStrides(spec.shape), dtype: spec.dtype, quantizer: spec.quantizer)
  }

  /// Adds the elements of `source`, of the same shape and type, one after the other in logical order: what several indices of
  /// this view show is the sum of theirs.
  func accumulate<Real: RealScalar>(_ source: Tensor, _ type: Real.Type) throws(OctetError) {
    let source = try source.contiguous()
    if source.count == 0 { return }
    let (length, step) = (shape.last ?? 1, strides.last ?? 0)
    var walk = StridedWalk(
      shape: Array(shape.dropLast()), strides: [Array(strides.dropLast())])
    let target = baseAddress.assumingMemoryBound(to: type)
    source.withElements(type) { from in
      var place = 0
      repeat {
        let line = target + walk.offsets[0]
        for i in 0..<length { line[i * step] += from[place + i] }
        place += length
      } while walk.advance()
    }
  }
}
