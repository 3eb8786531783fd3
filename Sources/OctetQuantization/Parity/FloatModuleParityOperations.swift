import OctetNN
import OctetTensor

/// The operations of float modules that have no other form to be compared by.
package enum FloatModuleParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = [
    ParityOperation("nn.Bilinear") { call in
      let a = call.attributes
      let module = Bilinear(
        try a.int("in1_features"), try a.int("in2_features"), try a.int("out_features"),
        bias: try a.bool("bias", default: true))
      return try differentiate(module, call) { module($0, $1[0]) }
    },
    ParityOperation("nn.TransformerEncoderLayer") { call in
      let a = call.attributes
      let module = TransformerEncoderLayer(
        try a.int("d_model"), heads: try a.int("nhead"),
        feedforwardDim: try a.int("dim_feedforward", default: 2048),
        dropout: try a.double("dropout", default: 0.1),
        activation: try TransformerActivation(rawValue: a.string("activation", default: "relu"))
          ?? .relu,
        layerNormEpsilon: try a.double("layer_norm_eps", default: 1e-5),
        batchFirst: try a.bool("batch_first", default: false),
        normFirst: try a.bool("norm_first", default: false),
        bias: try a.bool("bias", default: true))
      let arguments = AttentionArguments(
        keyPaddingMask: try call.optionalInput("src_key_padding_mask"),
        attentionMask: try call.optionalInput("src_mask"))
      return try differentiate(module, call) { x, _ in module(x, arguments) }
    },
  ]

  /// Runs a module in training mode with the case's state and takes the gradients with respect to input and parameters.
  private static func differentiate(
    _ module: Module, _ call: ParityCase, _ run: (Tensor, [Tensor]) -> Tensor
  ) throws -> ParityOutputs {
    try module.load(StateDictionary(call.state.map { ($0, $1) }))
    let input = try call.input().detached()
    input.requiresGrad = true
    let others = try call.optionalInput("input2").map { [$0] } ?? []
    let output = try collectingErrors { run(input, others) }
    var outputs = ParityOutputs(["0": output.detached()])
    guard let upstream = try call.optionalInput("grad_output") else { return outputs }
    try output.backward(upstream)
    outputs.tensors["grad.input"] = input.gradient
    for (name, parameter) in module.namedParameters() {
      outputs.tensors["grad.\(name)"] = parameter.gradient
    }
    return outputs
  }
}
