import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

/// Attention and transformer layers whose products with weights are integers, and the steps that join in one kernel.
@Suite("Dynamic attention")
struct DynamicAttentionTests {
  private func floats(_ shape: [Int], _ seed: UInt64) throws -> Tensor {
    try Tensor(TestRandom(seed).floats(shape.reduce(1, *), in: -2...2), shape: shape)
  }

  private func bytes(_ x: Tensor?) throws -> [UInt8] {
    try x?.contiguous().withBytes { Array($0) } ?? []
  }

  /// A module with biases that aren't 0.
  private func attention(
    _ size: Int, heads: Int, addBiasKV: Bool = false, addZero: Bool = false, key: Int? = nil,
    value: Int? = nil, batchFirst: Bool = false, bias: Bool = true
  ) throws -> MultiheadAttention {
    let module = MultiheadAttention(
      size, numHeads: heads, bias: bias, addBiasKV: addBiasKV, addZeroAttention: addZero,
      keyDim: key, valueDim: value, batchFirst: batchFirst)
    var state = StateDictionary()
    for (name, tensor) in module.stateDictionary().entries {
      state[name] = try floats(tensor.shape, UInt64(name.count))
    }
    try module.load(state)
    module.eval()
    return module
  }

  /// The dynamic linear layer of one projection.
  private func layer(_ weight: Tensor, _ bias: Tensor?) throws -> Module {
    let linear = try Linear(weight: Parameter(weight), bias: bias.map { Parameter($0) })
    try quantizeDynamic(linear)
    return linear
  }

  /// Four dynamic linear layers around attention in single steps.
  private func composed(
    _ float: MultiheadAttention, _ x: [Tensor], mask: Tensor? = nil
  ) throws -> Tensor {
    let size = float.sizes.embedding
    let names = ["q", "k", "v"]
    let state = float.stateDictionary()
    let projected = try (0..<3).map { part in
      let rows = (part * size)..<((part + 1) * size)
      let weight =
        try state["in_proj_weight"]?.slice(dim: 0, rows)
        ?? #require(state["\(names[part])_proj_weight"])
      return try layer(weight.contiguous(), state["in_proj_bias"]?.slice(dim: 0, rows).contiguous())
        .evaluate(x[part])
    }
    var (k, v) = (projected[1], projected[2])
    let batch = x[0].shape[1]
    if let biasK = state["bias_k"], let biasV = state["bias_v"] {
      k = try Functional.concatenate([k, biasK.expanded([1, batch, size])])
      v = try Functional.concatenate([v, biasV.expanded([1, batch, size])])
    }
    if float.addsZeroAttention {
      let zeros = try Tensor(repeating: Float(0), shape: [1, batch, size])
      (k, v) = (try Functional.concatenate([k, zeros]), try Functional.concatenate([v, zeros]))
    }
    let (heads, head) = (float.sizes.heads, float.sizes.head)
    func split(_ x: Tensor) throws -> Tensor {
      try x.contiguous().view([x.shape[0], batch, heads, head]).permuted([1, 2, 0, 3])
    }
    let scaled = try Functional.multiplyScalar(projected[0], 1 / Double(head).squareRoot())
    var scores = try Functional.matmul(split(scaled), split(k).transposed(2, 3))
    if let mask { scores = try Functional.add(scores, mask) }
    let output = try Functional.matmul(Functional.softmax(scores, dim: -1), split(v))
    let joined = try output.permuted([2, 0, 1, 3]).contiguous().view(x[0].shape)
    return try layer(
      #require(state["out_proj.weight"]), state["out_proj.bias"]
    ).evaluate(joined)
  }

  @Test func selfAttentionIsFourDynamicLayers() throws {
    for (number, size) in [(1, 8), (2, 24), (3, 66)] {
      let float = try attention(size, heads: number, bias: number != 2)
      let dynamic = try float.copy()
      try quantizeDynamic(dynamic, types: [MultiheadAttention.self])
      #expect(dynamic.current is Dynamic.MultiheadAttention)
      let x = try floats([19, number, size], 7)
      let got = try dynamic.evaluate(x, x, x, AttentionArguments(needsWeights: false))
      #expect(try bytes(got.output) == bytes(composed(float, [x, x, x])))
      #expect(got.weights == nil)
    }
  }

  @Test func otherKeysAndValuesTakeTheirRows() throws {
    let (query, memory) = (try floats([5, 2, 12], 1), try floats([9, 2, 12], 2))
    let float = try attention(12, heads: 3, addBiasKV: true, addZero: true)
    let dynamic = try float.copy()
    try quantizeDynamic(dynamic, types: [MultiheadAttention.self])
    let want = try composed(float, [query, memory, memory])
    for _ in 0..<2 {
      let got = try dynamic.evaluate(query, memory, memory)
      #expect(try bytes(got.output) == bytes(want))
      #expect(got.weights?.shape == [2, 5, 11])
    }
    // Other weights take the place of the packed ones.
    let other = try attention(12, heads: 3, addBiasKV: true, addZero: true)
    var halved = StateDictionary()
    for (name, tensor) in other.stateDictionary().entries {
      halved[name] = try Functional.multiplyScalar(tensor, 0.5)
    }
    try other.load(halved)
    let wanted = try composed(other, [query, memory, memory])
    try quantizeDynamic(other, types: [MultiheadAttention.self])
    try dynamic.load(other.stateDictionary())
    #expect(try bytes(dynamic.evaluate(query, memory, memory).output) == bytes(wanted))
  }

  @Test func keysOfOtherSizesHaveLayersOfTheirOwn() throws {
    let float = try attention(8, heads: 2, key: 5, value: 6)
    let dynamic = try float.copy()
    try quantizeDynamic(dynamic, types: [MultiheadAttention.self])
    let x = [try floats([4, 3, 8], 1), try floats([7, 3, 5], 2), try floats([7, 3, 6], 3)]
    let got = try dynamic.evaluate(x[0], x[1], x[2])
    #expect(try bytes(got.output) == bytes(composed(float, x)))
  }

  @Test func masksAndBatchFirst() throws {
    let x = try floats([6, 3, 8], 4)
    let float = try attention(8, heads: 2)
    let first = try attention(8, heads: 2, batchFirst: true)
    try quantizeDynamic(first, types: [MultiheadAttention.self])
    let causal = (0..<36).map { $0 % 6 > $0 / 6 }
    let mask = try Tensor(causal, shape: [6, 6])
    let added = try Tensor(causal.map { $0 ? -Float.infinity : 0 }, shape: [6, 6])
    let want = try composed(float, [x, x, x], mask: added)
    let swapped = try x.transposed(0, 1).contiguous()
    let arguments = AttentionArguments(attentionMask: mask, needsWeights: false)
    let got = try first.evaluate(swapped, swapped, swapped, arguments)
    #expect(try bytes(got.output.transposed(0, 1)) == bytes(want))
    let isCausal = AttentionArguments(isCausal: true, needsWeights: false)
    let again = try first.evaluate(swapped, swapped, swapped, isCausal)
    #expect(try bytes(again.output) == bytes(got.output))
  }

  @Test func halfWeights() throws {
    let x = try floats([4, 1, 8], 4)
    let float = try attention(8, heads: 2)
    let half = try float.copy()
    try quantizeDynamic(half, types: [MultiheadAttention.self], qconfig: .float16Dynamic)
    let (got, real) = (try half.evaluate(x, x, x).output, try float.evaluate(x, x, x).output)
    let cross = try half.evaluate(x, x.clone(), x.clone()).output
    #expect(try bytes(cross) == bytes(got))
    let (a, b): ([Float], [Float]) = (try got.elements(), try real.elements())
    #expect(a != b && zip(a, b).allSatisfy { abs($0 - $1) < 0.05 * (1 + abs($1)) })
  }

  @Test func attentionIsTakenWhenNamed() throws {
    func encoder() -> TransformerEncoderLayer {
      TransformerEncoderLayer(8, heads: 2, feedforwardDim: 12).eval()
    }
    let byDefault = encoder()
    try quantizeDynamic(byDefault)
    #expect(byDefault.selfAttn.current === byDefault.selfAttn)
    #expect(byDefault.linear1.current is Dynamic.Linear)
    let byPath = encoder()
    try quantizeDynamic(byPath, only: ["self_attn": .defaultDynamic])
    #expect(byPath.selfAttn.current is Dynamic.MultiheadAttention)
    #expect(byPath.linear1.current === byPath.linear1)
    let byType = encoder()
    try quantizeDynamic(byType, types: [Linear.self, MultiheadAttention.self])
    #expect(byType.selfAttn.current is Dynamic.MultiheadAttention)
    #expect(byType.linear2.current is Dynamic.Linear)
    let error = #expect(throws: OctetError.self) {
      try quantizeDynamic(encoder(), types: [Linear.self, LayerNorm.self])
    }
    #expect(error?.argument == "qconfig_spec" && error?.received == "LayerNorm")
  }

  /// A hook that changes nothing keeps each step a step; so does the tape.
  @Test(arguments: [false, true], [TransformerActivation.relu, .gelu])
  func joinedStepsGiveTheSameBits(isDynamic: Bool, activation: TransformerActivation) throws {
    for (batch, batchFirst) in [(1, true), (3, true), (2, false)] {
      let model = TransformerEncoderLayer(
        32, heads: 4, feedforwardDim: 48, activation: activation, batchFirst: batchFirst)
      for norm in [model.norm1, model.norm2] {
        norm.weight?.value = try floats([32], 11)
        norm.bias?.value = try floats([32], 12)
      }
      model.eval()
      if isDynamic {
        try quantizeDynamic(model, types: [Linear.self, MultiheadAttention.self])
      }
      let x = try floats(batchFirst ? [batch, 7, 32] : [7, batch, 32], 3)
      let joined = try bytes(model.evaluate(x))
      let recorded = try collectingErrors { model(x) }
      #expect(recorded.gradientNode != nil)
      #expect(try bytes(recorded.detached()) == joined)
      let hook = ModuleHook { _, x in x }
      for module in [model.norm1, model.norm2, model.linear1] { module.postHooks.append(hook) }
      #expect(try bytes(model.evaluate(x)) == joined)
    }
  }

  @Test func mistakesInsideJoinedStepsSayWhere() throws {
    let model = TransformerEncoderLayer(8, heads: 2, feedforwardDim: 12).eval()
    try quantizeDynamic(model)
    var x: [Float] = Array(repeating: 0.5, count: 16)
    x[3] = .infinity
    let input = try Tensor(x, shape: [2, 1, 8])
    let error = #expect(throws: OctetError.self) { try model.evaluate(input) }
    #expect(error?.modulePath == "linear1")
  }
}
