import OctetTensor
import OctetTestSupport
import Testing

/// Every operator's derivative against central differences.
struct GradientTests {
  @Test(arguments: elementwise + views + layers + pools + norms)
  func derivative(_ check: GradientCase) throws {
    let mismatches = try check.mismatches()
    #expect(mismatches.isEmpty, "\(check.name): \(mismatches.prefix(4).joined(separator: "; "))")
  }

  @Test func wrongDerivativesAreFound() throws {
    let half = GradientCase("half of a square's", [[3]], in: 1...2) { $0[0] * $0[0].detached() }
    #expect(try half.mismatches().count == 3)
    let none = GradientCase("none", [[3]]) { try $0[0].detached() + Tensor([Float(1)], shape: [1]) }
    #expect(throws: OctetError.self) { try none.mismatches() }
  }

  private static let elementwise: [GradientCase] = [
    GradientCase("add, broadcast", [[2, 3], [3]]) { try Functional.add($0[0], $0[1]) },
    GradientCase("multiply, broadcast", [[2, 1, 3], [4, 1]]) {
      try Functional.multiply($0[0], $0[1])
    },
    GradientCase("a value for each channel", [[2, 3, 5], [1, 3, 1]], in: 0.5...2) {
      let sum = try Functional.add($0[0], $0[1])
      let product = try Functional.multiply(sum, $0[1])
      return try Functional.divide(Functional.subtract(product, $0[1]), $0[1])
    },
    GradientCase("a tensor with itself", [[5]]) { $0[0] * $0[0] + $0[0] },
    GradientCase("dropout", [[40]]) {
      let x = $0[0]
      return try RandomSource.$shared.withValue(RandomSource(seed: 9)) {
        try Functional.dropout(x, p: 0.4)
      }
    },
    GradientCase("dropout while evaluating", [[4]]) {
      try Functional.dropout($0[0], training: false) * $0[0]
    },
  ]

  private static let views: [GradientCase] = [
    GradientCase("view", [[2, 6]]) { try $0[0].view([3, -1]) * $0[0].view([3, 4]) },
    GradientCase("reshape of a transpose", [[2, 6]]) {
      try $0[0].transposed(0, 1).reshaped([3, 4])
    },
    GradientCase("flatten", [[2, 3, 2]]) { try $0[0].flattened(from: 1) },
    GradientCase("flatten nothing", [[]]) { try $0[0].flattened() },
    GradientCase("select", [[3, 4]]) { try $0[0].select(dim: 1, index: -1) },
    GradientCase("slice in steps", [[3, 7]]) { try $0[0].slice(dim: 1, 1..<7, step: 3) },
    GradientCase("overlapping slices", [[6]]) {
      try $0[0].slice(dim: 0, 0..<4) * $0[0].slice(dim: 0, 2..<6)
    },
    GradientCase("permute", [[2, 3, 4]]) { try $0[0].permuted([2, 0, -2]) },
    GradientCase("transpose", [[2, 3]]) { try $0[0].transposed(-1, -2) },
    GradientCase("squeeze", [[2, 1, 3]]) { try $0[0].squeezed(1) },
    GradientCase("squeeze nothing", [[2, 3]]) { try $0[0].squeezed(1) },
    GradientCase("unsqueeze", [[2, 3]]) { try $0[0].unsqueezed(-1) },
    GradientCase("expand", [[2, 1, 3]]) { try $0[0].expanded([4, 2, 5, -1]) },
    GradientCase("as_strided", [[10]]) {
      try $0[0].asStrided([3, 3], strides: [2, 1], offset: 1)
    },
    GradientCase("as_strided of a transpose", [[3, 4]]) {
      try $0[0].transposed(0, 1).asStrided([2, 5], strides: [5, 1])
    },
    GradientCase("clone", [[2, 3, 2, 2]]) { try $0[0].clone(.channelsLast) },
    GradientCase("contiguous", [[2, 3]]) { try $0[0].transposed(0, 1).contiguous() },
    GradientCase("there and back in float64", [[5]]) {
      try ($0[0] * $0[0]).converted(to: .float64).converted(to: .float32)
    },
    GradientCase("cat", [[2, 3], [2, 1], [2, 2]]) { try Functional.concatenate($0, dim: -1) },
    GradientCase("reflection pad", [[1, 2, 4, 5]]) {
      try Functional.reflectionPad($0[0], before: [3, 1], after: [2, 4])
    },
  ]

  private static let layers: [GradientCase] = [
    GradientCase("linear", [[3, 4], [2, 4], [2]]) {
      try Functional.linear($0[0], weight: $0[1], bias: $0[2])
    },
    GradientCase("linear, no bias", [[2, 2, 3], [4, 3]]) {
      try Functional.linear($0[0], weight: $0[1])
    },
    GradientCase("matmul", [[2, 3], [3, 4]]) { try Functional.matmul($0[0], $0[1]) },
    GradientCase("matmul, broadcast", [[2, 1, 2, 3], [4, 3, 2]]) {
      try Functional.matmul($0[0], $0[1])
    },
    GradientCase("embedding", [[5, 3]]) {
      try Functional.embedding(Tensor([Int64(1), 4, 1, 0], shape: [2, 2]), weight: $0[0])
    },
    GradientCase("embedding bag, sum", [[5, 3], [5]]) {
      try Functional.embeddingBag(
        Tensor([Int64(1), 4, 1, 0, 2], shape: [5]), weight: $0[0],
        offsets: Tensor([Int64(0), 3, 3], shape: [3]), mode: .sum, perSampleWeights: $0[1])
    },
    GradientCase("embedding bag, mean without padding", [[5, 3]]) {
      try Functional.embeddingBag(
        Tensor([Int64(1), 4, 1, 0, 2, 2], shape: [2, 3]), weight: $0[0], mode: .mean,
        paddingIndex: 3)
    },
    GradientCase("embedding bag, maximum", [[5, 3]], isSpread: true) {
      try Functional.embeddingBag(
        Tensor([Int64(1), 4, 1, 0, 2, 3], shape: [2, 3]), weight: $0[0], mode: .max)
    },
    GradientCase("conv1d", [[2, 3, 9], [4, 3, 3], [4]]) {
      try Functional.convolution(
        $0[0], weight: $0[1], bias: $0[2], stride: [2], padding: [2], dilation: [2])
    },
    GradientCase("conv2d in groups", [[2, 4, 5, 6], [6, 2, 3, 2], [6]]) {
      try Functional.convolution(
        $0[0], weight: $0[1], bias: $0[2], stride: [1, 2], padding: [1, 0], dilation: [1, 1],
        groups: 2)
    },
    GradientCase("conv2d, depthwise", [[2, 3, 6, 5], [6, 1, 3, 3]]) {
      try Functional.convolution(
        $0[0], weight: $0[1], stride: [2, 1], padding: [1, 1], dilation: [1, 1], groups: 3)
    },
    GradientCase("conv2d, pointwise", [[2, 5, 3, 3], [4, 5, 1, 1], [4]]) {
      try Functional.convolution(
        $0[0], weight: $0[1], bias: $0[2], stride: [1, 1], padding: [0, 0], dilation: [1, 1])
    },
    GradientCase("conv3d", [[1, 2, 3, 4, 4], [2, 2, 2, 2, 3], [2]]) {
      try Functional.convolution(
        $0[0], weight: $0[1], bias: $0[2], stride: [1, 1, 2], padding: [1, 0, 1],
        dilation: [1, 2, 1])
    },
    GradientCase("conv_transpose2d", [[2, 4, 3, 4], [4, 2, 3, 2], [4]]) {
      try Functional.transposedConvolution(
        $0[0], weight: $0[1], bias: $0[2], stride: [2, 1], padding: [1, 0], outputPadding: [1, 0],
        dilation: [1, 1], groups: 2)
    },
    GradientCase("conv_transpose1d", [[1, 2, 4], [2, 3, 3]]) {
      try Functional.transposedConvolution(
        $0[0], weight: $0[1], stride: [3], padding: [1], outputPadding: [2], dilation: [2])
    },
  ]

  private static let pools: [GradientCase] = [
    GradientCase("max_pool2d", [[2, 2, 6, 6]], in: -2...2, isSpread: true) {
      try Functional.maxPool($0[0], kernel: [2, 2])
    },
    GradientCase("max_pool2d, overlapping", [[1, 2, 5, 6]], in: -2...2, isSpread: true) {
      try Functional.maxPool(
        $0[0], kernel: [3, 2], stride: [1, 2], padding: [1, 1], dilation: [1, 2], ceiling: true)
    },
    GradientCase("max_pool1d", [[2, 9]], in: -2...2, isSpread: true) {
      try Functional.maxPool($0[0], kernel: [3], stride: [2])
    },
    GradientCase("avg_pool2d", [[2, 2, 5, 6]]) {
      try Functional.avgPool(
        $0[0], kernel: [3, 2], stride: [2, 2], padding: [1, 1], ceiling: true,
        countIncludePad: false)
    },
    GradientCase("avg_pool2d with its divisor", [[1, 2, 4, 4]]) {
      try Functional.avgPool($0[0], kernel: [2, 2], divisor: 3)
    },
    GradientCase("avg_pool3d", [[1, 2, 3, 4, 4]]) {
      try Functional.avgPool($0[0], kernel: [2, 2, 3])
    },
    GradientCase("adaptive_avg_pool2d", [[2, 2, 5, 7]]) {
      try Functional.adaptiveAvgPool($0[0], outputSize: [3, 2])
    },
    GradientCase("interpolate, nearest", [[1, 2, 3, 4]]) {
      try Functional.interpolate($0[0], size: [5, 7])
    },
    GradientCase("interpolate, bilinear", [[1, 2, 3, 4]]) {
      try Functional.interpolate($0[0], scaleFactor: [1.7], mode: .bilinear)
    },
    GradientCase("interpolate, corners", [[1, 1, 2, 3, 2]]) {
      try Functional.interpolate($0[0], size: [3, 4, 5], mode: .trilinear, alignCorners: true)
    },
  ]

  private static let norms: [GradientCase] = [
    GradientCase("batch_norm by given statistics", [[3, 2, 4], [2], [2], [2], [2]], in: 0.5...2) {
      try Functional.batchNorm(
        $0[0], mean: $0[1], variance: $0[2], weight: $0[3], bias: $0[4], epsilon: 1e-3)
    },
    GradientCase("batch_norm by the batch's statistics", [[3, 2, 9], [2], [2]]) {
      try Functional.trainingBatchNorm($0[0], weight: $0[1], bias: $0[2], epsilon: 1e-3).output
    },
    GradientCase("layer_norm", [[3, 2, 5], [2, 5], [2, 5]]) {
      try Functional.layerNorm($0[0], normalizedShape: [2, 5], weight: $0[1], bias: $0[2])
    },
    GradientCase("layer_norm, plain", [[3, 6]]) {
      try Functional.layerNorm($0[0], normalizedShape: [6])
    },
    GradientCase("group_norm", [[2, 4, 3], [4], [4]]) {
      try Functional.groupNorm($0[0], groups: 2, weight: $0[1], bias: $0[2])
    },
    GradientCase("group_norm, weight alone", [[2, 4, 3], [4]]) {
      try Functional.groupNorm($0[0], groups: 2, weight: $0[1])
    },
    GradientCase("instance_norm", [[2, 3, 6], [3], [3]]) {
      try Functional.instanceNorm($0[0], weight: $0[1], bias: $0[2])
    },
  ]
}
