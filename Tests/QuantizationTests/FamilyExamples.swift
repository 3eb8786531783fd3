import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport

/// A small module of each family that users write, and how it is called.
struct FamilyExample {
  let type: Module.Type
  /// Real inputs.
  let inputs: [Tensor]
  /// Whether the quantized form takes integers.
  var takesIntegers = true
  var qconfig = QConfig.default
  var trainingQConfig = QConfig.defaultQAT
  let make: () throws -> Module
  let run: (Module, [Tensor]) throws -> [Tensor]

  init<Float: Module>(
    _ inputs: [Tensor], takesIntegers: Bool = true, qconfig: QConfig = .default,
    trainingQConfig: QConfig = .defaultQAT, _ make: @escaping () throws -> Float,
    run: @escaping (Module, [Tensor]) throws -> [Tensor] = { [try $0.evaluate($1[0])] }
  ) {
    type = Float.self
    self.inputs = inputs
    self.takesIntegers = takesIntegers
    self.qconfig = qconfig
    self.trainingQConfig = trainingQConfig
    self.make = make
    self.run = run
  }
}

enum FamilyExamples {
  /// One for each family whose float type isn't itself a form of another family.
  static func all() throws -> [FamilyExample] {
    try stubs() + linear() + convolutions() + activations() + norms() + tables() + wholes()
      + recurrent()
  }

  static func floats(_ shape: [Int], seed: UInt64 = 1) throws -> Tensor {
    try Tensor(TestRandom(seed).floats(shape.reduce(1, *), in: -2...2), shape: shape)
  }

  private static func stubs() throws -> [FamilyExample] {
    let x = try floats([3, 6])
    return [
      FamilyExample([x], takesIntegers: false) { QuantStub() },
      FamilyExample([x]) { DeQuantStub() },
      FamilyExample([x, try floats([3, 6], seed: 2)]) {
        FloatFunctional()
      } run: { module, x in
        guard let functional = module as? FloatFunctional else { return [] }
        return [
          try collectingErrors { functional.add(x[0], x[1]) },
          try collectingErrors { functional.mul(x[0], x[1]) },
          try collectingErrors { functional.cat(x, dim: 1) },
          try collectingErrors { functional.addScalar(x[0], 1.5) },
        ]
      },
    ]
  }

  private static func linear() throws -> [FamilyExample] {
    let x = try floats([5, 6])
    return [
      FamilyExample([x], qconfig: .defaultPerChannel) { Linear(6, 4) },
      FamilyExample([x]) { try Fused.LinearReLU(Linear(6, 4)) },
      FamilyExample([x]) { try Fused.LinearBn1d(Linear(6, 4), BatchNorm1d(4)) },
      FamilyExample([x]) {
        try Fused.LinearLeakyReLU(Linear(6, 4), LeakyReLU(negativeSlope: 0.2))
      },
      FamilyExample([x]) { try Fused.LinearTanh(Linear(6, 4, bias: false)) },
    ]
  }

  private static func convolutions() throws -> [FamilyExample] {
    let x1 = try floats([2, 4, 9])
    let x2 = try floats([2, 4, 6, 5])
    let x3 = try floats([1, 4, 4, 5, 3])
    func conv1() -> Conv1d { Conv1d(4, 6, kernelSize: 3, stride: 2, padding: 1, groups: 2) }
    func conv2() -> Conv2d { Conv2d(4, 6, kernelSize: [3, 2], padding: .same) }
    func conv3() -> Conv3d { Conv3d(4, 3, kernelSize: [2, 3, 2], bias: false) }
    func two(_ module: Module, _ x: [Tensor]) throws -> [Tensor] {
      guard let module = module as? any TwoInputModule else { return [] }
      return [try module.evaluate(x[0], x[1])]
    }
    let sum = [x2, try floats([2, 6, 6, 5], seed: 5)]
    return [
      FamilyExample([x1], qconfig: .defaultPerChannel) { conv1() },
      FamilyExample([x2], qconfig: .defaultPerChannel) {
        Conv2d(4, 6, kernelSize: [3, 3], padding: [1, 2], paddingMode: .circular)
      },
      FamilyExample([x3]) { conv3() },
      FamilyExample([x1]) { try Fused.ConvReLU1d(conv1()) },
      FamilyExample([x2], qconfig: .defaultPerChannel) { try Fused.ConvReLU2d(conv2()) },
      FamilyExample([x3]) { try Fused.ConvReLU3d(conv3()) },
      FamilyExample([x1]) { try Fused.ConvBn1d(conv1(), BatchNorm1d(6)) },
      FamilyExample([x2]) { try Fused.ConvBn2d(conv2(), BatchNorm2d(6)) },
      FamilyExample([x3]) { try Fused.ConvBn3d(conv3(), BatchNorm3d(3)) },
      FamilyExample([x1]) { try Fused.ConvBnReLU1d(conv1(), BatchNorm1d(6)) },
      FamilyExample([x2]) { try Fused.ConvBnReLU2d(conv2(), BatchNorm2d(6)) },
      FamilyExample([x3]) { try Fused.ConvBnReLU3d(conv3(), BatchNorm3d(3)) },
      FamilyExample(sum, { try Fused.ConvAdd2d(conv2()) }, run: two),
      FamilyExample(sum, { try Fused.ConvAddReLU2d(conv2()) }, run: two),
      FamilyExample([x1]) {
        ConvTranspose1d(4, 6, kernelSize: [3], stride: [2], outputPadding: [1], groups: 2)
      },
      FamilyExample([x2]) { ConvTranspose2d(4, 3, kernelSize: [3, 2], padding: [1, 0]) },
      FamilyExample([x3]) { ConvTranspose3d(4, 2, kernelSize: [2], bias: false) },
    ]
  }

  private static func activations() throws -> [FamilyExample] {
    let x = try floats([2, 3, 4])
    return [
      FamilyExample([x]) { ReLU6() }, FamilyExample([x]) { Hardswish() },
      FamilyExample([x]) { LeakyReLU(negativeSlope: 0.3) }, FamilyExample([x]) { ELU(alpha: 0.7) },
      FamilyExample([x]) { Softmax(dim: 1) }, FamilyExample([x]) { PReLU(parameters: 3) },
      FamilyExample([x]) { Dropout(p: 0.3) },
    ]
  }

  private static func norms() throws -> [FamilyExample] {
    let x1 = try floats([2, 4, 7])
    let x2 = try floats([2, 4, 3, 5])
    let x3 = try floats([2, 4, 2, 3, 2])
    return [
      FamilyExample([x2]) { BatchNorm2d(4, epsilon: 1e-3) },
      FamilyExample([x3]) { BatchNorm3d(4) },
      FamilyExample([x2]) { Fused.BNReLU2d(BatchNorm2d(4)) },
      FamilyExample([x3]) { Fused.BNReLU3d(BatchNorm3d(4)) },
      FamilyExample([x2]) { LayerNorm([3, 5]) },
      FamilyExample([x2]) { GroupNorm(2, 4) },
      FamilyExample([x1]) { InstanceNorm1d(4, affine: true) },
      FamilyExample([x2]) { InstanceNorm2d(4, affine: true) },
      FamilyExample([x3]) { InstanceNorm3d(4) },
    ]
  }

  private static func tables() throws -> [FamilyExample] {
    let rows = try Tensor([0, 4, 2, 2, 5, 1] as [Int64], shape: [6])
    let offsets = try Tensor([0, 2, 3] as [Int64], shape: [3])
    return [
      FamilyExample(
        [rows], takesIntegers: false, qconfig: .floatQParamsWeightOnly,
        trainingQConfig: .defaultEmbeddingQAT
      ) { Embedding(6, 5, paddingIndex: 1) },
      FamilyExample(
        [rows], takesIntegers: false, qconfig: .floatQParamsWeightOnly4Bit,
        trainingQConfig: .defaultEmbeddingQAT
      ) {
        EmbeddingBag(6, 4, mode: .sum)
      } run: { module, x in
        guard let bags = module as? BagModule else { return [] }
        return [try bags.evaluate(x[0], offsets: offsets)]
      },
    ]
  }

  private static func wholes() throws -> [FamilyExample] {
    [
      FamilyExample([try floats([3, 2, 8])]) {
        MultiheadAttention(8, numHeads: 2, addBiasKV: true)
      } run: { module, x in
        guard let attention = module as? AttentionModule else { return [] }
        let result = try attention.evaluate(x[0], x[0], x[0])
        return [result.output] + (result.weights.map { [$0] } ?? [])
      }
    ]
  }

  private static func recurrent() throws -> [FamilyExample] {
    let sequence = try floats([4, 2, 3])
    let step = try floats([2, 3])
    func paired(_ module: Module, _ x: [Tensor]) throws -> [Tensor] {
      guard let module = module as? RecurrentModule<LSTMState> else { return [] }
      let (output, state) = try module.evaluate(x[0], nil)
      return [output, state.hidden, state.cell]
    }
    func single(_ module: Module, _ x: [Tensor]) throws -> [Tensor] {
      guard let module = module as? RecurrentModule<Tensor> else { return [] }
      let (output, state) = try module.evaluate(x[0], nil)
      return [output, state]
    }
    return [
      FamilyExample([sequence], { LSTM(3, 4, layers: 2, bidirectional: true) }, run: paired),
      FamilyExample([sequence], { GRU(3, 4, bias: false) }, run: single),
      FamilyExample([step], { LSTMCell(3, 4) }, run: paired),
      FamilyExample([step], { GRUCell(3, 4) }, run: single),
      FamilyExample([step], { RNNCell(3, 4, nonlinearity: .relu) }, run: single),
    ]
  }
}
