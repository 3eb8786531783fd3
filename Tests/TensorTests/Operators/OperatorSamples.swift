import OctetTensor

/// A call of an operator on operands that a test makes: of any dtype and scheme, of the shape asked for.
struct OperatorSample: Sendable {
  typealias Maker = (_ shape: [Int]) throws -> Tensor

  /// The operator's Swift type.
  let type: String
  let run: @Sendable (Maker) throws -> Tensor

  init(_ type: String, _ run: @escaping @Sendable (Maker) throws -> Tensor) {
    (self.type, self.run) = (type, run)
  }
}

private func numbers(_ values: [Int64], _ shape: [Int]) throws -> Tensor {
  try Tensor(values, shape: shape)
}

private func reals(_ shape: [Int]) throws -> Tensor { try Tensor.full(shape, 0.5) }

private func weight(_ shape: [Int]) throws -> Tensor {
  try Functional.quantizePerTensor(reals(shape), scale: 0.01, zeroPoint: 0, dtype: .qint8)
}

/// One for each operator of the list, a few for those whose forms differ.
let operatorSamples: [OperatorSample] =
  floatSamples + movementSamples + viewSamples + quantizedSamples + tableSamples

private let floatSamples: [OperatorSample] = [
  OperatorSample("Arithmetic") { try Functional.add($0([2, 4]), $0([4])) },
  OperatorSample("Arithmetic") { try Functional.divide($0([2, 4]), $0([4])) },
  OperatorSample("ScalarArithmetic") { try noTrap($0([2, 4])) { $0 * 2 } },
  OperatorSample("Pointwise") { try Functional.exponential($0([2, 4])) },
  OperatorSample("Pointwise") { try Functional.silu($0([2, 4]), scale: 0.1, zeroPoint: 3) },
  OperatorSample("Softplus") { try Functional.softplus($0([2, 4])) },
  OperatorSample("ReLU") { try Functional.relu($0([2, 4])) },
  OperatorSample("Clip") { try Functional.clamp($0([2, 4]), min: 0, max: 1) },
  OperatorSample("ELU") { try Functional.elu($0([2, 4])) },
  OperatorSample("GELU") { try Functional.gelu($0([2, 4])) },
  OperatorSample("Hardsigmoid") { try Functional.hardsigmoid($0([2, 4])) },
  OperatorSample("Hardswish") { try Functional.hardswish($0([2, 4])) },
  OperatorSample("LeakyReLU") { try Functional.leakyReLU($0([2, 4])) },
  OperatorSample("Sigmoid") { try Functional.sigmoid($0([2, 4])) },
  OperatorSample("Tanh") { try Functional.tanh($0([2, 4])) },
  OperatorSample("Threshold") { try Functional.threshold($0([2, 4]), threshold: 0, value: 1) },
  OperatorSample("PReLU") { try Functional.prelu($0([2, 4, 3]), weight: reals([4])) },
  OperatorSample("PReLU") {
    try Functional.prelu($0([2, 4, 3]), weight: $0([4]), scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("Softmax") { try Functional.softmax($0([2, 4]), dim: 1) },
  OperatorSample("Softmax") {
    try Functional.softmax($0([2, 4]), dim: 1, scale: 1 / 256, zeroPoint: 0)
  },
  OperatorSample("LogSoftmax") { try Functional.logSoftmax($0([2, 4]), dim: 1) },
  OperatorSample("Linear") { try Functional.linear($0([2, 4]), weight: $0([3, 4])) },
  OperatorSample("MatMul") { try Functional.matmul($0([2, 4]), $0([4, 4])) },
  OperatorSample("MatMul") {
    try Functional.quantizedMatmul($0([2, 4]), $0([4, 4]), scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("Convolution") {
    try Functional.convolution(
      $0([2, 4, 5, 5]), weight: $0([3, 4, 3, 3]), stride: [1, 1], padding: [1, 1],
      dilation: [1, 1])
  },
  OperatorSample("TransposedConvolution") {
    try Functional.transposedConvolution(
      $0([2, 4, 5, 5]), weight: $0([4, 4, 3, 3]), stride: [1, 1], padding: [1, 1],
      outputPadding: [0, 0], dilation: [1, 1])
  },
  OperatorSample("AveragePool") { try Functional.avgPool($0([2, 4, 6, 6]), kernel: [2, 2]) },
  OperatorSample("AdaptiveAveragePool") {
    try Functional.adaptiveAvgPool($0([2, 4, 6, 6]), outputSize: [2, 3])
  },
  OperatorSample("MaxPoolIndices") {
    try Functional.maxPoolWithIndices($0([2, 4, 6, 6]), kernel: [2, 2]).indices
  },
  OperatorSample("MaxPool") { try Functional.maxPool($0([2, 4, 6, 6]), kernel: [2, 2]) },
  OperatorSample("BatchNorm") {
    try Functional.batchNorm(
      $0([2, 4, 3, 3]), mean: $0([4]), variance: $0([4]), weight: $0([4]), bias: $0([4]))
  },
  OperatorSample("BatchNorm") {
    try Functional.quantizedBatchNorm(
      $0([2, 4, 3, 3]), mean: reals([4]), variance: reals([4]), weight: reals([4]),
      bias: reals([4]), scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("GroupNorm") { try Functional.groupNorm($0([2, 4, 3]), groups: 2) },
  OperatorSample("LayerNorm") { try Functional.layerNorm($0([2, 4]), normalizedShape: [4]) },
  OperatorSample("RMSNorm") { try Functional.rmsNorm($0([2, 4]), normalizedShape: [4]) },
  OperatorSample("Interpolate") { try Functional.interpolate($0([2, 4, 3, 3]), size: [5, 5]) },
  OperatorSample("Interpolate") {
    try Functional.interpolate($0([2, 4, 3, 3]), size: [5, 5], mode: .bilinear)
  },
  OperatorSample("Dropout") { try Functional.dropout($0([2, 4]), p: 0.5) },
  OperatorSample("Mean") { try Functional.mean($0([2, 4]), dims: [1]) },
  OperatorSample("Reduction") { try Functional.sum($0([2, 4]), dims: [1]) },
  OperatorSample("Reduction") { try Functional.variance($0([2, 4]), dims: [1]) },
  OperatorSample("CrossEntropy") {
    try Functional.crossEntropy($0([2, 4]), target: numbers([1, 3], [2]))
  },
  OperatorSample("ElementwiseLoss") {
    try Functional.meanSquaredError($0([2, 4]), target: $0([2, 4]))
  },
  OperatorSample("CumulativeSum") { try Functional.cumulativeSum($0([2, 4]), dim: 1) },
  OperatorSample("Comparison") { try Functional.less($0([2, 4]), $0([2, 4])) },
  OperatorSample("Logical") { try Functional.logicalAnd($0([2, 4]), $0([2, 4])) },
  OperatorSample("Predicate") { try Functional.isNaN($0([2, 4])) },
  OperatorSample("ArgMax") { try Functional.argmax($0([2, 4]), dim: 1) },
  OperatorSample("ArgSort") { try Functional.argsort($0([2, 4])) },
  OperatorSample("Convert") { try $0([2, 4]).converted(to: .float32) },
]

private let movementSamples: [OperatorSample] = [
  OperatorSample("Concatenate") { try Functional.concatenate([$0([2, 4]), $0([2, 4])]) },
  OperatorSample("Concatenate") {
    try Functional.quantizedConcatenate([$0([2, 4]), $0([2, 4])], scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("Flip") { try Functional.flip($0([2, 4]), dims: [1]) },
  OperatorSample("Roll") { try Functional.roll($0([2, 4]), shifts: [1], dims: [1]) },
  OperatorSample("Tile") { try Functional.tile($0([2, 4]), counts: [2, 1]) },
  OperatorSample("Pad") { try Functional.pad($0([2, 4, 3]), before: [1], after: [2]) },
  OperatorSample("Pad") {
    try Functional.pad($0([2, 4, 3]), before: [1], after: [2], mode: .circular)
  },
  OperatorSample("IndexSelect") {
    try Functional.indexSelect($0([2, 4]), dim: 0, index: numbers([1, 0, 1], [3]))
  },
  OperatorSample("GatherElements") {
    try Functional.gather($0([2, 4]), dim: 1, index: numbers([3, 0], [2, 1]))
  },
  OperatorSample("ScatterElements") {
    try Functional.scatter(
      $0([2, 4]), dim: 1, index: numbers([3, 0], [2, 1]), source: $0([2, 4]))
  },
  OperatorSample("ScatterElements") {
    try Functional.scatterAdd(
      $0([2, 4]), dim: 1, index: numbers([3, 0], [2, 1]), source: $0([2, 4]))
  },
  OperatorSample("Where") {
    try Functional.where(Tensor(repeating: true, shape: [4]), $0([2, 4]), $0([2, 4]))
  },
  OperatorSample("Triangle") { try Functional.tril($0([2, 4])) },
  OperatorSample("OneHot") {
    try Functional.oneHot($0([2, 4]), classes: 200)
  },
  OperatorSample("Clone") { try $0([2, 4]).clone() },
]

private let viewSamples: [OperatorSample] = [
  OperatorSample("View") { try $0([2, 4]).view([8]) },
  OperatorSample("View") { try $0([2, 4]).reshaped([2, 4, 1]) },
  OperatorSample("Flatten") { try Functional.flatten($0([2, 4, 3])) },
  OperatorSample("Flatten") { try Functional.flatten($0([2, 4, 3, 2]), from: 2) },
  OperatorSample("Select") { try $0([2, 4]).select(dim: 0, index: 1) },
  OperatorSample("Select") { try $0([2, 4]).select(dim: 1, index: 1) },
  OperatorSample("Slice") { try $0([2, 4]).slice(dim: 1, 1..<3) },
  OperatorSample("Permute") { try $0([2, 4]).permuted([1, 0]) },
  OperatorSample("Transpose") { try $0([2, 4]).transposed(0, 1) },
  OperatorSample("Squeeze") { try $0([2, 4, 1]).squeezed(2) },
  OperatorSample("Unsqueeze") { try $0([2, 4]).unsqueezed(0) },
  OperatorSample("Expand") { try $0([1, 4]).expanded([3, 4]) },
  OperatorSample("AsStrided") { try $0([2, 4]).asStrided([2, 2], strides: [4, 1]) },
]

private let quantizedSamples: [OperatorSample] = [
  OperatorSample("Quantize") {
    try Functional.quantizePerTensor($0([2, 4]), scale: 0.1, zeroPoint: 3, dtype: .quint8)
  },
  OperatorSample("DynamicLinear") {
    try Functional.dynamicLinear(
      $0([2, 4]), PackedLinear(weight: weight([3, 4]), bias: nil), reduceRange: true, relu: false)
  },
  OperatorSample("Dequantize") { try Functional.dequantize($0([2, 4])) },
  OperatorSample("QuantizedAdd") {
    try Functional.quantizedAdd($0([2, 4]), $0([4]), scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("QuantizedMultiply") {
    try Functional.quantizedMultiply($0([2, 4]), $0([4]), scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("QuantizedElementwise") {
    try Functional.quantizedDivide($0([2, 4]), $0([4]), scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("QuantizedSum") {
    try Functional.quantizedSum($0([2, 4]), dims: [1], scale: 0.1, zeroPoint: 3)
  },
  OperatorSample("QuantizedAddScalar") { try Functional.addScalar($0([2, 4]), 1) },
  OperatorSample("QuantizedMultiplyScalar") { try Functional.multiplyScalar($0([2, 4]), 2) },
  OperatorSample("QuantizedLinear") {
    try Functional.quantizedLinear(
      $0([2, 4]), PackedLinear(weight: weight([3, 4]), bias: nil),
      result: .quantized(scale: 0.1, zeroPoint: 3, relu: false))
  },
  OperatorSample("QuantizedConvolution") {
    try Functional.quantizedConvolution(
      $0([2, 4, 5, 5]),
      PackedConvolution(
        weight: weight([3, 4, 3, 3]), bias: nil, stride: [1, 1], padding: [1, 1],
        dilation: [1, 1], groups: 1), result: .quantized(scale: 0.1, zeroPoint: 3, relu: false))
  },
]

private let tableSamples: [OperatorSample] = [
  OperatorSample("Embedding") {
    try Functional.embedding(numbers([1, 0], [2]), weight: $0([3, 4]))
  },
  OperatorSample("EmbeddingBag") {
    try Functional.embeddingBag(numbers([1, 0], [1, 2]), weight: $0([3, 4]))
  },
  OperatorSample("EmbeddingPrepack") { try Functional.embeddingBagBytePrepack($0([3, 4])) },
  OperatorSample("EmbeddingUnpack") { try Functional.embeddingBagByteUnpack($0([3, 12])) },
  OperatorSample("QuantizedEmbedding") {
    try Functional.embeddingByte(
      Functional.embeddingBagBytePrepack(reals([3, 4])), indices: $0([2]))
  },
  OperatorSample("DecomposedQuantize") {
    try QuantizedDecomposed.quantizePerChannel(
      $0([2, 4]), scales: reals([4]), zeroPoints: numbers([0, 0, 0, 0], [4]), axis: 1,
      quantMin: 0, quantMax: 255, dtype: .uint8)
  },
  OperatorSample("DecomposedQuantizePerTensor") {
    try QuantizedDecomposed.quantizePerTensor(
      $0([2, 4]), scale: 0.1, zeroPoint: 3, quantMin: 0, quantMax: 255, dtype: .uint8)
  },
  OperatorSample("DecomposedDequantize") {
    try QuantizedDecomposed.dequantizePerChannel(
      $0([2, 4]), scales: reals([4]), zeroPoints: numbers([0, 0, 0, 0], [4]), axis: 1,
      quantMin: 0, quantMax: 255, dtype: .uint8)
  },
  OperatorSample("DecomposedDequantizePerTensor") {
    try QuantizedDecomposed.dequantizePerTensor(
      $0([2, 4]), scale: 0.1, zeroPoint: 3, quantMin: 0, quantMax: 255, dtype: .uint8)
  },
]

/// The eager form inside a scope that throws what it would trap with.
private func noTrap(_ x: Tensor, _ body: (Tensor) -> Tensor) throws -> Tensor {
  try collectingErrors { body(x) }
}
