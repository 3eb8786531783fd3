import OctetTensor
import Synchronization
import Testing

/// Keeps the operator calls of a scope.
final class CallList: Recorder {
  struct Call: Sendable {
    let op: any Operator
    let inputs: [TensorSpec]
    let result: TensorSpec
  }

  private let list = Mutex<[Call]>([])

  var calls: [Call] { list.withLock { $0 } }

  func record(_ op: any Operator, _ inputs: [Tensor], _ result: Tensor) {
    let call = Call(op: op, inputs: inputs.map(\.spec), result: result.spec)
    list.withLock { $0.append(call) }
  }

  func record(
    _ call: any RecordedCall, of module: AnyObject, _ body: () throws -> [Tensor]
  ) throws -> [Tensor] { try body() }

  func record<Result>(
    function: String, _ body: () throws(OctetError) -> Result
  ) throws(OctetError) -> Result { try body() }

  func checkAccess(to tensor: Tensor, _ operation: String) {}

  static func calls(in body: () throws -> Void) throws -> [Call] {
    let list = CallList()
    var mode = ExecutionMode.current
    mode.recorder = list
    try ExecutionMode.recording(mode) { try body() }
    return list.calls
  }
}

@Suite("Shape rules with a batch that isn't known")
struct SymbolicShapeTests {
  /// Runs a sample on operands of the first dtype it takes.
  private func call(_ sample: OperatorSample) throws -> CallList.Call {
    let pairs: [(WalkScheme, DType)] = [
      (.plain, .float32), (.perTensor, .quint8), (.plain, .int64), (.plain, .uint8),
    ]
    for (scheme, dtype) in pairs {
      let calls = try? CallList.calls { _ = try sample.run { try scheme.tensor($0, dtype) } }
      if let call = calls?.last(where: { "\(type(of: $0.op))" == sample.type }) { return call }
    }
    return try #require(nil, "\(sample.type) has no sample on any of these")
  }

  /// The inputs of a sample, with N in place of the 2 that samples take for a batch.
  private func symbolic(_ call: CallList.Call) -> [SymbolicSpec] {
    call.inputs.map { spec in
      var symbolic = SymbolicSpec(spec)
      if spec.shape.first == 2 { symbolic.shape[0] = .batch }
      return symbolic
    }
  }

  @Test("Every operator of the list carries a batch, or says why it can't")
  func walk() throws {
    var lines: [String] = []
    for sample in operatorSamples {
      let call = try call(sample)
      let inputs = symbolic(call)
      do {
        let result = try call.op.symbolicOutputSpec(inputs)
        for n in [1, 2, 7, 5000] {
          #expect(result.at(n) == (try call.op.outputSpec(inputs.map { try #require($0.at(n)) })))
        }
        lines.append("\(sample.type) \(result)")
      } catch let error as OctetError {
        #expect(error.code == .shapeMismatch)
        #expect(error.description.contains("for every batch N"), "\(error)")
        lines.append("\(sample.type) refused")
      }
    }
    #expect(carried.subtracting(lines) == [])
    let refused = Set(lines.filter { $0.hasSuffix("refused") })
    #expect(refused.isSubset(of: carried))
  }

  /// What the rule of `body`'s last operator says when dimension `dim` of its first input is symbolic.
  private func rule(
    _ size: SymbolicDimension = .batch, dim: Int = 0, _ body: () throws -> Void
  ) throws -> SymbolicSpec {
    let call = try #require(try CallList.calls(in: body).last)
    var inputs = call.inputs.map { SymbolicSpec($0) }
    inputs[0].shape[dim] = size
    return try call.op.symbolicOutputSpec(inputs)
  }

  @Test("Sizes are lines in the batch")
  func lines() throws {
    let x = try Tensor.full([6, 5], 1)
    #expect(try rule { _ = try Functional.flatten(x) }.shape == [SymbolicDimension(perBatch: 5)])
    #expect(
      try rule { _ = try Functional.concatenate([x, x]) }.shape == [
        SymbolicDimension(perBatch: 1, constant: 6), 5,
      ])
    let half = try x.converted(to: .float16)
    #expect(try rule { _ = try Functional.relu(half) }.dtype == .float16)
    let doubled = SymbolicDimension(perBatch: 2, constant: 3)
    #expect(
      try rule(doubled) { _ = try Functional.tile(x, counts: [3, 1]) }.shape == [
        SymbolicDimension(perBatch: 6, constant: 9), 5,
      ])
    #expect(doubled.description == "2N + 3" && SymbolicDimension.batch.description == "N")
    #expect(SymbolicDimension(perBatch: 1, constant: -2).size(1) == nil)
    #expect(SymbolicDimension(perBatch: .max, constant: 1).size(2) == nil)
  }

  @Test("What holds for some batches only is refused in words")
  func refusals() throws {
    let x = try Tensor.full([6, 5], 1)
    func words(dim: Int = 0, _ body: () throws -> Void) throws -> String {
      let error = #expect(throws: OctetError.self) { _ = try rule(dim: dim, body) }
      return try #require(error).description
    }
    // The number of windows is a floor, not a line.
    let signal = try Tensor.full([1, 3, 8], 1)
    #expect(
      try words(dim: 2) { _ = try Functional.maxPool(signal, kernel: [2]) }.contains("shapes [1"))
    // A batch of 1 would broadcast, and larger ones would not.
    let y = try Tensor.full([1, 5], 1)
    #expect(
      try words { _ = try Functional.add(y, x) }.contains("a result at a batch of 1, none at"))
    // Not a matter of the batch: the rule's own words.
    let wide = try Tensor.full([7, 5], 1)
    let call = try #require(try CallList.calls { _ = try Functional.add(x, x) }.last)
    let unequal = [SymbolicSpec(wide.spec), SymbolicSpec(x.spec)]
    let error = #expect(throws: OctetError.self) { try call.op.symbolicOutputSpec(unequal) }
    #expect(try !#require(error).description.contains("every batch"))
    // One channel of a quantizer belongs to one image of the batch.
    let perImage = try Functional.quantizePerChannel(
      x, scales: Tensor.full([6], 1),
      zeroPoints: Tensor([Int64](repeating: 0, count: 6), shape: [6]), axis: 0, dtype: .qint8)
    #expect(try words { _ = try perImage.clone() }.contains("channel axis"))
  }
}

/// What the samples say, each line once. Refused are a view's and a selection's sizes and places, which hold one batch.
private let carried = Set(
  """
  Arithmetic [N, 4] float32
  ScalarArithmetic [N, 4] float32
  Pointwise [N, 4] float32
  Pointwise [N, 4] quint8
  Softplus [N, 4] float32
  ReLU [N, 4] float32
  Clip [N, 4] float32
  ELU [N, 4] float32
  GELU [N, 4] float32
  Hardsigmoid [N, 4] float32
  Hardswish [N, 4] float32
  LeakyReLU [N, 4] float32
  Sigmoid [N, 4] float32
  Tanh [N, 4] float32
  Threshold [N, 4] float32
  PReLU [N, 4, 3] float32
  PReLU [N, 4, 3] quint8
  Softmax [N, 4] float32
  Softmax [N, 4] quint8
  LogSoftmax [N, 4] float32
  Linear [N, 3] float32
  MatMul [N, 4] float32
  MatMul [N, 4] quint8
  Convolution [N, 3, 5, 5] float32
  TransposedConvolution [N, 4, 5, 5] float32
  AveragePool [N, 4, 3, 3] float32
  AdaptiveAveragePool [N, 4, 2, 3] float32
  MaxPoolIndices [N, 4, 3, 3] int64
  MaxPool [N, 4, 3, 3] float32
  BatchNorm [N, 4, 3, 3] float32
  BatchNorm [N, 4, 3, 3] quint8
  GroupNorm [N, 4, 3] float32
  LayerNorm [N, 4] float32
  RMSNorm [N, 4] float32
  Interpolate [N, 4, 5, 5] float32
  Dropout [N, 4] float32
  Mean [N] float32
  Reduction [N] float32
  CrossEntropy [] float32
  ElementwiseLoss [] float32
  CumulativeSum [N, 4] float32
  Comparison [N, 4] bool
  Logical [N, 4] bool
  Predicate [N, 4] bool
  ArgMax [N] int64
  ArgSort [N, 4] int64
  Convert [N, 4] float32
  Concatenate [2N, 4] float32
  Concatenate [2N, 4] quint8
  Flip [N, 4] float32
  Roll [N, 4] float32
  Tile [2N, 4] float32
  Pad [N, 4, 6] float32
  IndexSelect [3, 4] float32
  GatherElements [N, 1] float32
  ScatterElements [N, 4] float32
  Where [N, 4] float32
  Triangle [N, 4] float32
  OneHot [N, 4, 200] int64
  Clone [N, 4] float32
  View refused
  Flatten [12N] float32
  Flatten [N, 4, 6] float32
  Select refused
  Select [N] float32
  Slice [N, 2] float32
  Permute [4, N] float32
  Transpose [4, N] float32
  Squeeze [N, 4] float32
  Unsqueeze [1, N, 4] float32
  Expand [3, 4] float32
  AsStrided [2, 2] float32
  Quantize [N, 4] quint8
  DynamicLinear [N, 3] float32
  Dequantize [N, 4] float32
  QuantizedAdd [N, 4] quint8
  QuantizedMultiply [N, 4] quint8
  QuantizedElementwise [N, 4] quint8
  QuantizedSum [N] quint8
  QuantizedAddScalar [N, 4] quint8
  QuantizedMultiplyScalar [N, 4] quint8
  QuantizedLinear [N, 3] quint8
  QuantizedConvolution [N, 3, 5, 5] quint8
  Embedding [N, 4] float32
  EmbeddingBag [1, 4] float32
  EmbeddingPrepack [3, 12] uint8
  EmbeddingUnpack [3, 4] float32
  QuantizedEmbedding [N, 4] float32
  DecomposedQuantize [N, 4] uint8
  DecomposedQuantizePerTensor [N, 4] uint8
  DecomposedDequantize [N, 4] float32
  DecomposedDequantizePerTensor [N, 4] float32
  """.split(separator: "\n").map(String.init))
