import OctetNN
import OctetTensor

/// The operations of attention modules.
package enum AttentionParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = [
    ParityOperation("nn.MultiheadAttention") { try run($0, float($0)) },
    ParityOperation("nn.quantizable.MultiheadAttention") {
      try run($0, Quantizable.MultiheadAttention(float($0)))
    },
    ParityOperation("nn.quantized.MultiheadAttention", run: runQuantized),
  ]

  private static func run(_ call: ParityCase, _ module: AttentionModule) throws -> ParityOutputs {
    let result = try module.eval().evaluate(
      call.input("query"), call.input("key"), call.input("value"),
      AttentionArguments(
        keyPaddingMask: call.optionalInput("key_padding_mask"),
        attentionMask: call.optionalInput("attn_mask"),
        averagesWeights: call.attributes.bool("average_attn_weights", default: true)))
    var outputs = ParityOutputs(["0": result.output])
    outputs.tensors["weights"] = result.weights
    return outputs
  }

  private static func runQuantized(_ call: ParityCase) throws -> ParityOutputs {
    let model = SelfAttention(try float(call)).eval()
    model.qconfig = try .named(call.attributes.string("qconfig"))
    try prepare(model)
    for batch in try call.inputs("calib") { _ = try model.evaluate(batch) }
    try convert(model)
    return ["0": try model.evaluate(call.input())]
  }

  private static func float(_ call: ParityCase) throws -> MultiheadAttention {
    let attributes = call.attributes
    let module = MultiheadAttention(
      try attributes.int("embed_dim"), numHeads: try attributes.int("num_heads"),
      bias: try attributes.bool("bias", default: true),
      addBiasKV: try attributes.bool("add_bias_kv", default: false),
      addZeroAttention: try attributes.bool("add_zero_attn", default: false),
      keyDim: try attributes.optionalInt("kdim"), valueDim: try attributes.optionalInt("vdim"),
      batchFirst: try attributes.bool("batch_first", default: false))
    try module.load(StateDictionary(call.state.map { ($0, $1) }))
    return module
  }
}

/// Attention with a stub for each of query, key and value.
private final class SelfAttention: Module {
  let quantQuery = QuantStub()
  let quantKey = QuantStub()
  let quantValue = QuantStub()
  let attention: MultiheadAttention
  let dequant = DeQuantStub()

  init(_ attention: MultiheadAttention) { self.attention = attention }

  override func forward(_ x: Tensor) -> Tensor {
    dequant(attention(quantQuery(x), quantKey(x), quantValue(x)).output)
  }
}
