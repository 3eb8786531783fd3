import OctetNN
import OctetTensor
import Testing

/// A module, and what torch 2.8 lists in the state dictionary of its own under the same arguments: names, shapes, and element types other
/// than float32.
private struct StateCase: Sendable {
  let make: @Sendable () -> Module
  let state: [String]

  init(_ make: @autoclosure @escaping @Sendable () -> Module, _ state: [String]) {
    self.make = make
    self.state = state
  }
}

private let linearAndConvolutions: [StateCase] = [
  StateCase(Linear(3, 4), ["weight [4, 3]", "bias [4]"]),
  StateCase(Linear(3, 4, bias: false), ["weight [4, 3]"]),
  StateCase(Bilinear(3, 4, 2), ["weight [2, 3, 4]", "bias [2]"]),
  StateCase(Bilinear(3, 4, 2, bias: false), ["weight [2, 3, 4]"]),
  StateCase(Conv1d(4, 6, kernelSize: 3, groups: 2), ["weight [6, 2, 3]", "bias [6]"]),
  StateCase(Conv2d(4, 6, kernelSize: [3, 2], bias: false), ["weight [6, 4, 3, 2]"]),
  StateCase(Conv3d(4, 6, kernelSize: 3), ["weight [6, 4, 3, 3, 3]", "bias [6]"]),
  StateCase(ConvTranspose1d(4, 6, kernelSize: 3, groups: 2), ["weight [4, 3, 3]", "bias [6]"]),
  StateCase(ConvTranspose2d(4, 6, kernelSize: [3, 2]), ["weight [4, 6, 3, 2]", "bias [6]"]),
  StateCase(ConvTranspose3d(4, 6, kernelSize: 2, bias: false), ["weight [4, 6, 2, 2, 2]"]),
]

private let channelNorms: [StateCase] = [
  StateCase(
    BatchNorm1d(3),
    [
      "weight [3]", "bias [3]", "running_mean [3]", "running_var [3]",
      "num_batches_tracked int64 []",
    ]),
  StateCase(
    BatchNorm1d(3, affine: false),
    ["running_mean [3]", "running_var [3]", "num_batches_tracked int64 []"]),
  StateCase(BatchNorm1d(3, trackRunningStats: false), ["weight [3]", "bias [3]"]),
  StateCase(InstanceNorm1d(3), []),
  StateCase(InstanceNorm1d(3, affine: true), ["weight [3]", "bias [3]"]),
  StateCase(
    InstanceNorm1d(3, affine: true, trackRunningStats: true),
    [
      "weight [3]", "bias [3]", "running_mean [3]", "running_var [3]",
      "num_batches_tracked int64 []",
    ]),
  StateCase(
    BatchNorm2d(3),
    [
      "weight [3]", "bias [3]", "running_mean [3]", "running_var [3]",
      "num_batches_tracked int64 []",
    ]),
  StateCase(
    BatchNorm2d(3, affine: false),
    ["running_mean [3]", "running_var [3]", "num_batches_tracked int64 []"]),
  StateCase(BatchNorm2d(3, trackRunningStats: false), ["weight [3]", "bias [3]"]),
  StateCase(InstanceNorm2d(3), []),
  StateCase(InstanceNorm2d(3, affine: true), ["weight [3]", "bias [3]"]),
  StateCase(
    InstanceNorm2d(3, affine: true, trackRunningStats: true),
    [
      "weight [3]", "bias [3]", "running_mean [3]", "running_var [3]",
      "num_batches_tracked int64 []",
    ]),
  StateCase(
    BatchNorm3d(3),
    [
      "weight [3]", "bias [3]", "running_mean [3]", "running_var [3]",
      "num_batches_tracked int64 []",
    ]),
  StateCase(
    BatchNorm3d(3, affine: false),
    ["running_mean [3]", "running_var [3]", "num_batches_tracked int64 []"]),
  StateCase(BatchNorm3d(3, trackRunningStats: false), ["weight [3]", "bias [3]"]),
  StateCase(InstanceNorm3d(3), []),
  StateCase(InstanceNorm3d(3, affine: true), ["weight [3]", "bias [3]"]),
  StateCase(
    InstanceNorm3d(3, affine: true, trackRunningStats: true),
    [
      "weight [3]", "bias [3]", "running_mean [3]", "running_var [3]",
      "num_batches_tracked int64 []",
    ]),
]

private let rowsAndTables: [StateCase] = [
  StateCase(LayerNorm([2, 3]), ["weight [2, 3]", "bias [2, 3]"]),
  StateCase(LayerNorm(3, bias: false), ["weight [3]"]),
  StateCase(LayerNorm(3, elementwiseAffine: false), []),
  StateCase(GroupNorm(2, 4), ["weight [4]", "bias [4]"]),
  StateCase(GroupNorm(2, 4, affine: false), []),
  StateCase(RMSNorm(3), ["weight [3]"]),
  StateCase(RMSNorm([2, 3], elementwiseAffine: false), []),
  StateCase(Embedding(5, 3, paddingIndex: 1), ["weight [5, 3]"]),
  StateCase(EmbeddingBag(5, 3, mode: .max), ["weight [5, 3]"]),
]

private let recurrentAndWhole: [StateCase] = [
  StateCase(
    RNN(3, 4, layers: 2, bidirectional: true),
    [
      "weight_ih_l0 [4, 3]", "weight_hh_l0 [4, 4]", "bias_ih_l0 [4]", "bias_hh_l0 [4]",
      "weight_ih_l0_reverse [4, 3]", "weight_hh_l0_reverse [4, 4]", "bias_ih_l0_reverse [4]",
      "bias_hh_l0_reverse [4]", "weight_ih_l1 [4, 8]", "weight_hh_l1 [4, 4]", "bias_ih_l1 [4]",
      "bias_hh_l1 [4]", "weight_ih_l1_reverse [4, 8]", "weight_hh_l1_reverse [4, 4]",
      "bias_ih_l1_reverse [4]", "bias_hh_l1_reverse [4]",
    ]),
  StateCase(
    RNN(3, 4, nonlinearity: .relu, bias: false), ["weight_ih_l0 [4, 3]", "weight_hh_l0 [4, 4]"]),
  StateCase(
    LSTM(3, 4, layers: 2, bidirectional: true, projectionSize: 2),
    [
      "weight_ih_l0 [16, 3]", "weight_hh_l0 [16, 2]", "bias_ih_l0 [16]", "bias_hh_l0 [16]",
      "weight_hr_l0 [2, 4]", "weight_ih_l0_reverse [16, 3]", "weight_hh_l0_reverse [16, 2]",
      "bias_ih_l0_reverse [16]", "bias_hh_l0_reverse [16]", "weight_hr_l0_reverse [2, 4]",
      "weight_ih_l1 [16, 4]", "weight_hh_l1 [16, 2]", "bias_ih_l1 [16]", "bias_hh_l1 [16]",
      "weight_hr_l1 [2, 4]", "weight_ih_l1_reverse [16, 4]", "weight_hh_l1_reverse [16, 2]",
      "bias_ih_l1_reverse [16]", "bias_hh_l1_reverse [16]", "weight_hr_l1_reverse [2, 4]",
    ]),
  StateCase(LSTM(3, 4, bias: false), ["weight_ih_l0 [16, 3]", "weight_hh_l0 [16, 4]"]),
  StateCase(
    GRU(3, 4, layers: 2),
    [
      "weight_ih_l0 [12, 3]", "weight_hh_l0 [12, 4]", "bias_ih_l0 [12]", "bias_hh_l0 [12]",
      "weight_ih_l1 [12, 4]", "weight_hh_l1 [12, 4]", "bias_ih_l1 [12]", "bias_hh_l1 [12]",
    ]),
  StateCase(
    GRU(3, 4, bidirectional: true),
    [
      "weight_ih_l0 [12, 3]", "weight_hh_l0 [12, 4]", "bias_ih_l0 [12]", "bias_hh_l0 [12]",
      "weight_ih_l0_reverse [12, 3]", "weight_hh_l0_reverse [12, 4]", "bias_ih_l0_reverse [12]",
      "bias_hh_l0_reverse [12]",
    ]),
  StateCase(RNNCell(3, 4), ["weight_ih [4, 3]", "weight_hh [4, 4]", "bias_ih [4]", "bias_hh [4]"]),
  StateCase(RNNCell(3, 4, bias: false), ["weight_ih [4, 3]", "weight_hh [4, 4]"]),
  StateCase(
    LSTMCell(3, 4), ["weight_ih [16, 3]", "weight_hh [16, 4]", "bias_ih [16]", "bias_hh [16]"]),
  StateCase(LSTMCell(3, 4, bias: false), ["weight_ih [16, 3]", "weight_hh [16, 4]"]),
  StateCase(
    GRUCell(3, 4), ["weight_ih [12, 3]", "weight_hh [12, 4]", "bias_ih [12]", "bias_hh [12]"]),
  StateCase(GRUCell(3, 4, bias: false), ["weight_ih [12, 3]", "weight_hh [12, 4]"]),
  StateCase(
    MultiheadAttention(4, numHeads: 2),
    ["in_proj_weight [12, 4]", "in_proj_bias [12]", "out_proj.weight [4, 4]", "out_proj.bias [4]"]),
  StateCase(
    MultiheadAttention(4, numHeads: 2, bias: false, addBiasKV: true),
    ["in_proj_weight [12, 4]", "bias_k [1, 1, 4]", "bias_v [1, 1, 4]", "out_proj.weight [4, 4]"]),
  StateCase(
    MultiheadAttention(4, numHeads: 2, addZeroAttention: true, keyDim: 3, valueDim: 5),
    [
      "q_proj_weight [4, 4]", "k_proj_weight [4, 3]", "v_proj_weight [4, 5]", "in_proj_bias [12]",
      "out_proj.weight [4, 4]", "out_proj.bias [4]",
    ]),
  StateCase(
    TransformerEncoderLayer(4, heads: 2, feedforwardDim: 6),
    [
      "self_attn.in_proj_weight [12, 4]", "self_attn.in_proj_bias [12]",
      "self_attn.out_proj.weight [4, 4]", "self_attn.out_proj.bias [4]", "linear1.weight [6, 4]",
      "linear1.bias [6]", "linear2.weight [4, 6]", "linear2.bias [4]", "norm1.weight [4]",
      "norm1.bias [4]", "norm2.weight [4]", "norm2.bias [4]",
    ]),
  StateCase(
    TransformerEncoderLayer(4, heads: 2, feedforwardDim: 6, normFirst: true, bias: false),
    [
      "self_attn.in_proj_weight [12, 4]", "self_attn.out_proj.weight [4, 4]",
      "linear1.weight [6, 4]", "linear2.weight [4, 6]", "norm1.weight [4]", "norm2.weight [4]",
    ]),
  StateCase(
    TransformerEncoder(
      [TransformerEncoderLayer(4, heads: 2, feedforwardDim: 6)], norm: LayerNorm(4)),
    [
      "layers.0.self_attn.in_proj_weight [12, 4]", "layers.0.self_attn.in_proj_bias [12]",
      "layers.0.self_attn.out_proj.weight [4, 4]", "layers.0.self_attn.out_proj.bias [4]",
      "layers.0.linear1.weight [6, 4]", "layers.0.linear1.bias [6]",
      "layers.0.linear2.weight [4, 6]", "layers.0.linear2.bias [4]", "layers.0.norm1.weight [4]",
      "layers.0.norm1.bias [4]", "layers.0.norm2.weight [4]", "layers.0.norm2.bias [4]",
      "norm.weight [4]", "norm.bias [4]",
    ]),
  StateCase(PReLU(), ["weight [1]"]),
  StateCase(PReLU(parameters: 3), ["weight [3]"]),
  StateCase(
    Sequential(Linear(3, 4), ReLU(), Linear(4, 2, bias: false)),
    ["0.weight [4, 3]", "0.bias [4]", "2.weight [2, 4]"]),
  StateCase(
    Sequential(["fc": Linear(3, 4), "act": PReLU()]),
    ["fc.weight [4, 3]", "fc.bias [4]", "act.weight [1]"]),
  StateCase(
    ModuleList([Linear(3, 4), LayerNorm(4)]),
    ["0.weight [4, 3]", "0.bias [4]", "1.weight [4]", "1.bias [4]"]),
  StateCase(
    ModuleDict(["b": Linear(3, 4), "a": PReLU()]),
    ["b.weight [4, 3]", "b.bias [4]", "a.weight [1]"]),
]

/// Modules that have no state in torch.
private func stateless() -> [Module] {
  [
    ReLU(), ReLU6(), Hardswish(), Hardsigmoid(), ELU(alpha: 2), CELU(alpha: 2),
    LeakyReLU(negativeSlope: 0.1), Sigmoid(), Tanh(), Softmax(dim: 1), GELU(approximate: .tanh),
    SiLU(), Hardtanh(min: 0, max: 1), Threshold(0, 1), Mish(), Softplus(), LogSigmoid(),
    LogSoftmax(), Upsample(scaleFactor: 2), Dropout(), Dropout1d(), Dropout2d(), Dropout3d(),
    Flatten(), Unflatten(1, [3, 1]), Identity(), MaxPool1d(2), AvgPool1d(2), AdaptiveAvgPool1d(2),
    AdaptiveMaxPool1d(2), ZeroPad1d(1), ConstantPad1d(1, value: 2), ReflectionPad1d(1),
    ReplicationPad1d(1), CircularPad1d(1), MaxPool2d(2), AvgPool2d(2), AdaptiveAvgPool2d(2),
    AdaptiveMaxPool2d(2), ZeroPad2d(1), ConstantPad2d(1, value: 2), ReflectionPad2d(1),
    ReplicationPad2d(1), CircularPad2d(1), MaxPool3d(2), AvgPool3d(2), AdaptiveAvgPool3d(2),
    AdaptiveMaxPool3d(2), ZeroPad3d(1), ConstantPad3d(1, value: 2), ReflectionPad3d(1),
    ReplicationPad3d(1), CircularPad3d(1),
  ]
}

@Suite("State dictionaries are torch's")
struct TorchStateTests {
  private func listed(_ module: Module) -> [String] {
    module.stateDictionary().entries.map { name, tensor in
      let type = tensor.dtype == .float32 ? "" : " \(tensor.dtype.rawValue)"
      return "\(name)\(type) \(tensor.shape)"
    }
  }

  @Test("Names, shapes and types of every float layer, in torch's order")
  func tables() throws {
    for row in linearAndConvolutions + channelNorms + rowsAndTables + recurrentAndWhole {
      let module = row.make()
      #expect(listed(module) == row.state, "\(module)")
      #expect(try listed(module.copy()) == row.state, "\(module)")
    }
    for module in stateless() { #expect(listed(module) == [], "\(module)") }
  }

  @Test("A state of torch's names is loaded as it is")
  func loading() throws {
    for row in linearAndConvolutions + channelNorms + rowsAndTables + recurrentAndWhole {
      let module = row.make()
      var state = StateDictionary()
      for (place, entry) in module.stateDictionary().entries.enumerated() {
        state[entry.name] =
          entry.tensor.dtype == .int64
          ? Tensor(scalar: Int64(7))
          : try Tensor(repeating: Float(place) + 0.5, shape: entry.tensor.shape)
      }
      try module.load(state)
      for (name, tensor) in module.stateDictionary().entries {
        #expect(tensor == state[name], "\(module) \(name)")
      }
    }
  }
}
