import OctetTensor
import Testing

/// A call that can't be right, and what its error has to name.
struct Mistake: Sendable, CustomTestStringConvertible {
  let operation: String
  let argument: String
  let call: @Sendable () throws -> Tensor

  init(
    _ operation: String, _ argument: String, _ call: @escaping @Sendable () throws -> Tensor
  ) {
    (self.operation, self.argument, self.call) = (operation, argument, call)
  }

  var testDescription: String { "\(operation) \(argument)" }
}

private func x(_ shape: [Int] = [2, 4], _ dtype: DType = .float32) throws -> Tensor {
  try Tensor.full(shape, 1, dtype: dtype)
}

private func q(_ shape: [Int] = [2, 4], _ dtype: DType = .quint8) throws -> Tensor {
  try Functional.quantizePerTensor(x(shape), scale: 0.5, zeroPoint: 1, dtype: dtype)
}

private func channels(_ shape: [Int] = [2, 4]) throws -> Tensor {
  try Functional.quantizePerChannel(
    x(shape), scales: [Double](repeating: 0.5, count: shape[1]),
    zeroPoints: [Int](repeating: 0, count: shape[1]), axis: 1, dtype: .qint8)
}

private func whole(_ values: [Int64]) throws -> Tensor {
  try Tensor(values, shape: [values.count])
}

/// Mistakes in each argument of each operator.
let mistakes: [Mistake] =
  arithmeticMistakes + reductionMistakes + movementMistakes + indexMistakes + layerMistakes
  + quantizedMistakes + creationMistakes

private let arithmeticMistakes: [Mistake] = [
  Mistake("add", "other") { try Functional.add(x([2, 3]), x([2, 4])) },
  Mistake("add", "input") { try Functional.add(q(), x()) },
  Mistake("add", "other") { try Functional.add(x(), x([4], .float64)) },
  Mistake("sub", "other") { try Functional.subtract(x([2, 3]), x([2])) },
  Mistake("mul", "other") { try Functional.multiply(x(), q()) },
  Mistake("div", "input") { try Functional.divide(x([2], .int32), x([2], .int32)) },
  Mistake("pow", "input") { try Functional.power(x([2], .int64), x([2], .int64)) },
  Mistake("minimum", "other") { try Functional.minimum(x([2, 3]), x([4])) },
  Mistake("maximum", "other") { try Functional.maximum(x([2, 3]), x([4])) },
  Mistake("exp", "input") { try Functional.exponential(x([2], .int8)) },
  Mistake("silu", "input") { try Functional.silu(channels()) },
  Mistake("silu", "scale") { try Functional.silu(q(), scale: 0, zeroPoint: 0) },
  Mistake("mish", "zero_point") { try Functional.mish(q(), scale: 1, zeroPoint: 256) },
  Mistake("softplus", "beta") { try Functional.softplus(x(), beta: 0) },
  Mistake("softplus", "input") { try Functional.softplus(x([2], .bool)) },
  Mistake("relu", "input") { try Functional.relu(x([2], .int64)) },
  Mistake("gelu", "input") { try Functional.gelu(channels()) },
  Mistake("sigmoid", "scale") { try Functional.sigmoid(q(), scale: -1, zeroPoint: 0) },
  Mistake("celu", "alpha") { try Functional.celu(x(), alpha: 0) },
  Mistake("hardtanh", "min_val") { try Functional.hardtanh(x(), min: 2, max: 1) },
  Mistake("clamp", "min") { try Functional.clamp(x(), min: .nan) },
  Mistake("clamp", "max") { try Functional.clamp(x(), max: .nan) },
  Mistake("softmax", "dim") { try Functional.softmax(x(), dim: 2) },
  Mistake("log_softmax", "dim") { try Functional.logSoftmax(x(), dim: -3) },
  Mistake("log_softmax", "input") { try Functional.logSoftmax(q(), dim: 0) },
  Mistake("dropout", "p") { try Functional.dropout(x(), p: 1.5) },
  Mistake("dropout", "p") { try Functional.dropout(x(), p: .nan) },
  Mistake("eq", "other") { try Functional.equalElements(x([2]), x([3])) },
  Mistake("lt", "other") { try Functional.less(q(), x([3])) },
  Mistake("logical_and", "input") { try Functional.logicalAnd(q(), q()) },
  Mistake("logical_or", "other") { try Functional.logicalOr(x([2]), x([3])) },
  Mistake("isnan", "input") { try Functional.isNaN(q()) },
  Mistake("to", "dtype") { try x().converted(to: .quint8) },
  Mistake("to", "dtype") { try q().converted(to: .float32) },
]

private let reductionMistakes: [Mistake] = [
  Mistake("sum", "dim") { try Functional.sum(x(), dims: [2]) },
  Mistake("sum", "dim") { try Functional.sum(x(), dims: [0, -2]) },
  Mistake("sum", "input") { try Functional.sum(q()) },
  Mistake("prod", "dim") { try Functional.product(x(), dims: [-3]) },
  Mistake("amax", "input") { try Functional.maximum(x([0, 2]), dims: [0]) },
  Mistake("amin", "input") { try Functional.minimum(x([2], .int64), dims: [0]) },
  Mistake("var", "input") { try Functional.variance(x([2], .bool)) },
  Mistake("std", "dim") { try Functional.standardDeviation(x(), dims: [5]) },
  Mistake("norm", "ord") { try Functional.norm(x(), order: .nan) },
  Mistake("logsumexp", "dim") { try Functional.logSumExp(x(), dims: [1, 1]) },
  Mistake("mean", "dim") { try Functional.mean(x(), dims: [3]) },
  Mistake("mean", "self") { try Functional.mean(channels()) },
  Mistake("cumsum", "dim") { try Functional.cumulativeSum(x(), dim: 2) },
  Mistake("cumsum", "input") { try Functional.cumulativeSum(q(), dim: 0) },
  Mistake("argmax", "dim") { try Functional.argmax(x(), dim: 2) },
  Mistake("argmax", "input") { try Functional.argmax(x([2, 0]), dim: 1) },
  Mistake("argmin", "input") { try Functional.argmin(channels(), dim: 1) },
  Mistake("argmax", "dim") { try Functional.maximum(x(), dim: 2).values },
  Mistake("sort", "dim") { try Functional.sort(x(), dim: 2).values },
  Mistake("sort", "input") { try Functional.sort(channels()).values },
  Mistake("topk", "k") { try Functional.topK(x(), k: 5).values },
  Mistake("topk", "k") { try Functional.topK(x(), k: -1).values },
]

private let movementMistakes: [Mistake] = [
  Mistake("flip", "dim") { try Functional.flip(x(), dims: [2]) },
  Mistake("flip", "dims") { try Functional.flip(x(), dims: [0, -2]) },
  Mistake("flip", "input") { try Functional.flip(channels(), dims: [1]) },
  Mistake("roll", "shifts") { try Functional.roll(x(), shifts: [1], dims: []) },
  Mistake("roll", "dim") { try Functional.roll(x(), shifts: [1], dims: [2]) },
  Mistake("repeat", "repeats") { try Functional.tile(x(), counts: [2]) },
  Mistake("repeat", "repeats") { try Functional.tile(x(), counts: [-1, 1]) },
  Mistake("repeat", "repeats") { try Functional.tile(x(), counts: [Int.max, Int.max]) },
  Mistake("repeat", "shape") { try Functional.tile(x(), counts: [Int.max / 4, 1]) },
  Mistake("repeat", "input") { try Functional.tile(channels(), counts: [1, 2]) },
  Mistake("pad", "pad") { try Functional.pad(x(), before: [1], after: []) },
  Mistake("pad", "pad") { try Functional.pad(x(), before: [-5], after: [0]) },
  Mistake("pad", "pad") { try Functional.pad(x(), before: [4], after: [0], mode: .reflect) },
  Mistake("pad", "pad") { try Functional.pad(x(), before: [5], after: [0], mode: .circular) },
  Mistake("pad", "pad") { try Functional.pad(x(), before: [-1], after: [0], mode: .replicate) },
  Mistake("pad", "pad") { try Functional.pad(x(), before: [.max], after: [.max]) },
  Mistake("pad", "input") { try Functional.pad(channels(), before: [1], after: [1]) },
  Mistake("cat", "tensors") { try Functional.concatenate([]) },
  Mistake("cat", "tensors[1]") { try Functional.concatenate([x(), x([3, 3])]) },
  Mistake("cat", "dim") { try Functional.concatenate([x()], dim: 2) },
  Mistake("stack", "tensors") { try Functional.stack([]) },
  Mistake("stack", "tensors[1]") { try Functional.stack([x(), x([4])]) },
  Mistake("stack", "dim") { try Functional.stack([x()], dim: 4) },
  Mistake("split", "split_size") { try Functional.split(x(), size: 0)[0] },
  Mistake("split", "split_sizes") { try Functional.split(x(), sizes: [1, 2])[0] },
  Mistake("split", "split_sizes") { try Functional.split(x(), sizes: [.max, .max])[0] },
  Mistake("split", "dim") { try Functional.split(x(), size: 1, dim: 2)[0] },
  Mistake("chunk", "chunks") { try Functional.chunk(x(), chunks: 0)[0] },
  Mistake("unbind", "dim") { try Functional.unbind(x(), dim: -3)[0] },
  Mistake("unfold", "size") { try Functional.windows(x(), dim: 1, size: 5, step: 1) },
  Mistake("unfold", "step") { try Functional.windows(x(), dim: 1, size: 2, step: 0) },
  Mistake("unfold", "kernel_size") { try Functional.unfold(x(), kernel: [2, 2]) },
  Mistake("unfold", "kernel_size") { try Functional.unfold(x([1, 1, 3, 3]), kernel: [4, 1]) },
  Mistake("tril", "input") { try Functional.tril(x([4])) },
  Mistake("triu", "input") { try Functional.triu(channels()) },
  Mistake("view", "shape") { try x().view([3]) },
  Mistake("view", "shape") { try x().transposed(0, 1).view([8]) },
  Mistake("reshape", "shape") { try x().reshaped([-1, 3]) },
  Mistake("flatten", "start_dim") { try Functional.flatten(x(), from: 3) },
  Mistake("select", "index") { try x().select(dim: 0, index: 2) },
  Mistake("slice", "range") { try x().slice(dim: 0, 1..<3) },
  Mistake("slice", "step") { try x().slice(dim: 0, 0..<2, step: 0) },
  Mistake("permute", "dims") { try x().permuted([0]) },
  Mistake("transpose", "dim") { try x().transposed(0, 2) },
  Mistake("squeeze", "dim") { try x().squeezed(2) },
  Mistake("unsqueeze", "dim") { try x().unsqueezed(4) },
  Mistake("expand", "sizes") { try x().expanded([3, 4]) },
  Mistake("as_strided", "size") { try x().asStrided([3], strides: [4]) },
]

private let indexMistakes: [Mistake] = [
  Mistake("index_select", "index") {
    try Functional.indexSelect(x(), dim: 0, index: whole([2]))
  },
  Mistake("index_select", "index") {
    try Functional.indexSelect(x(), dim: 0, index: whole([-1]))
  },
  Mistake("index_select", "index") { try Functional.indexSelect(x(), dim: 0, index: x([1])) },
  Mistake("index_select", "dim") {
    try Functional.indexSelect(x(), dim: 2, index: whole([0]))
  },
  Mistake("gather", "index") { try Functional.gather(x(), dim: 0, index: whole([0])) },
  Mistake("gather", "index") {
    try Functional.gather(x([3]), dim: 0, index: whole([3]))
  },
  Mistake("gather", "index") { try Functional.gather(x([3]), dim: 0, index: x([1])) },
  Mistake("gather", "dim") { try Functional.gather(x([3]), dim: 1, index: whole([0])) },
  Mistake("scatter", "src") {
    try Functional.scatter(x([3]), dim: 0, index: whole([0, 1]), source: x([1]))
  },
  Mistake("scatter", "src") {
    try Functional.scatter(x([3]), dim: 0, index: whole([0]), source: q([1]))
  },
  Mistake("scatter", "index") {
    try Functional.scatter(x([3]), dim: 0, index: whole([7]), source: x([1]))
  },
  Mistake("scatter_add", "self") {
    try Functional.scatterAdd(q([3]), dim: 0, index: whole([0]), source: q([1]))
  },
  Mistake("where", "condition") { try Functional.where(x(), x(), x()) },
  Mistake("where", "other") {
    try Functional.where(Tensor(repeating: true, shape: [4]), x(), q())
  },
  Mistake("where", "condition") {
    try Functional.where(Tensor(repeating: true, shape: [3]), x(), x())
  },
  Mistake("masked_fill", "self") {
    try Functional.maskedFill(channels(), mask: Tensor(repeating: true, shape: [4]), value: 0)
  },
  Mistake("one_hot", "tensor") { try Functional.oneHot(whole([3]), classes: 3) },
  Mistake("one_hot", "tensor") { try Functional.oneHot(x()) },
  Mistake("one_hot", "num_classes") { try Functional.oneHot(whole([0]), classes: -1) },
  Mistake("subscript", "indices") { try x().view(at: [0, 0, 0]) },
  Mistake("subscript", "indices") {
    try x().view(at: [IndexElement(.ellipsis), IndexElement(.ellipsis)])
  },
  Mistake("subscript", "index 0") { try x().view(at: [1..<3]) },
  Mistake("subscript", "index 0") { try x().view(at: [0...Int.max]) },
  Mistake("select", "index") { try x().view(at: [2]) },
  Mistake("subscript", "newValue") {
    let tensor = try x()
    try tensor.assign(x([3]), at: [0])
    return tensor
  },
  Mistake("subscript", "self") {
    let tensor = try x([1, 4]).expanded([2, 4])
    try tensor.assign(x([4]), at: [0..<2])
    return tensor
  },
  Mistake("copyIntRepr", "source") {
    let tensor = try q()
    try tensor.copyIntRepr(from: x())
    return tensor
  },
  Mistake("copyIntRepr", "source") {
    let tensor = try q()
    try tensor.copyIntRepr(from: q([4]))
    return tensor
  },
]

private let layerMistakes: [Mistake] = [
  Mistake("linear", "weight") { try Functional.linear(x(), weight: x([4])) },
  Mistake("linear", "bias") { try Functional.linear(x(), weight: x([3, 4]), bias: x([4])) },
  Mistake("matmul", "x") { try Functional.matmul(x([4]), x([4, 4])) },
  Mistake("matmul", "y") { try Functional.matmul(x(), x()) },
  Mistake("bmm", "input") { try Functional.bmm(x(), x([1, 4, 4])) },
  Mistake("bmm", "mat2") { try Functional.bmm(x([2, 3, 4]), x([1, 4, 4])) },
  Mistake("scaled_dot_product_attention", "query") {
    try Functional.scaledDotProductAttention(x([4]), x(), x())
  },
  Mistake("scaled_dot_product_attention", "attn_mask") {
    try Functional.scaledDotProductAttention(x(), x(), x(), mask: x([2, 2]), isCausal: true)
  },
  Mistake("rms_norm", "input") { try Functional.rmsNorm(x(), normalizedShape: [3]) },
  Mistake("rms_norm", "weight") {
    try Functional.rmsNorm(x(), normalizedShape: [4], weight: x([3]))
  },
]

private let quantizedMistakes: [Mistake] = [
  Mistake("quantized::sub", "x") {
    try Functional.quantizedSubtract(x(), q(), scale: 1, zeroPoint: 0)
  },
  Mistake("quantized::sub", "y") {
    try Functional.quantizedSubtract(q(), q([2, 4], .qint8), scale: 1, zeroPoint: 0)
  },
  Mistake("quantized::div", "other") {
    try Functional.quantizedDivide(q(), q([3]), scale: 1, zeroPoint: 0)
  },
  Mistake("quantized::div", "scale") {
    try Functional.quantizedDivide(q(), q(), scale: .nan, zeroPoint: 0)
  },
  Mistake("quantized::maximum", "zero_point") {
    try Functional.quantizedMaximum(q(), q(), scale: 1, zeroPoint: -1)
  },
  Mistake("quantized::sum", "dim") {
    try Functional.quantizedSum(q(), dims: [2], scale: 1, zeroPoint: 0)
  },
  Mistake("quantized::sum", "input") {
    try Functional.quantizedSum(channels(), scale: 1, zeroPoint: 0)
  },
  Mistake("bmm", "input") { try Functional.quantizedBmm(q(), q(), scale: 1, zeroPoint: 0) },
]

private let creationMistakes: [Mistake] = [
  Mistake("zeros", "dtype") { try Tensor.zeros([2], dtype: .quint8) },
  Mistake("zeros", "shape") { try Tensor.zeros([-1]) },
  Mistake("full", "shape") { try Tensor.full([Int.max, 2], 1) },
  Mistake("arange", "step") { try Tensor.arange(0, 1, step: 0) },
  Mistake("arange", "step") { try Tensor.arange(0, .infinity) },
  Mistake("linspace", "shape") { try Tensor.linspace(0, 1, count: -1) },
  Mistake("rand", "dtype") { try Tensor.rand([2], dtype: .int64) },
  Mistake("randint", "range") { try Tensor.randint(3..<3, [2]) },
  Mistake("zeros_like", "self") { try Tensor.zerosLike(channels()) },
  Mistake("Tensor", "rows") { try Tensor(rows: [[Float(1)], []]) },
]
