import OctetNN
import OctetTensor

/// The operations of modules that train with a rounded weight.
package enum TrainingParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = linear + convolutions + embeddings

  private static let linear: [ParityOperation] = [
    operation("nn.qat.Linear") { try QAT.Linear(linear($0), qconfig($0)) },
    operation("nn.qat.dynamic.Linear") { try QAT.Dynamic.Linear(linear($0), qconfig($0)) },
    operation("nn.intrinsic.qat.LinearReLU") {
      try QAT.LinearReLU(Fused.LinearReLU(linear($0)), qconfig($0))
    },
    operation("nn.intrinsic.qat.LinearBn1d") { call in
      let layer = try linear(call)
      return try QAT.LinearBn1d(
        Fused.LinearBn1d(
          layer,
          BatchNorm1d(layer.outFeatures, epsilon: call.epsilon(), momentum: call.momentum())),
        qconfig(call))
    },
  ]

  private static let convolutions: [ParityOperation] = [
    operation("nn.qat.Conv1d") { try QAT.Conv1d(layer($0, 1), qconfig($0)) },
    operation("nn.qat.Conv2d") { try QAT.Conv2d(layer($0, 2), qconfig($0)) },
    operation("nn.qat.Conv3d") { try QAT.Conv3d(layer($0, 3), qconfig($0)) },
    operation("nn.intrinsic.qat.ConvReLU1d") { try QAT.ConvReLU1d(layer($0, 1), qconfig($0)) },
    operation("nn.intrinsic.qat.ConvReLU2d") { try QAT.ConvReLU2d(layer($0, 2), qconfig($0)) },
    operation("nn.intrinsic.qat.ConvReLU3d") { try QAT.ConvReLU3d(layer($0, 3), qconfig($0)) },
    operation("nn.intrinsic.qat.ConvBn1d") {
      try QAT.ConvBn1d(layer($0, 1), norm($0, BatchNorm1d.self), qconfig($0))
    },
    operation("nn.intrinsic.qat.ConvBn2d") {
      try QAT.ConvBn2d(layer($0, 2), norm($0, BatchNorm2d.self), qconfig($0))
    },
    operation("nn.intrinsic.qat.ConvBn3d") {
      try QAT.ConvBn3d(layer($0, 3), norm($0, BatchNorm3d.self), qconfig($0))
    },
    operation("nn.intrinsic.qat.ConvBnReLU1d") {
      try QAT.ConvBnReLU1d(layer($0, 1), norm($0, BatchNorm1d.self), qconfig($0))
    },
    operation("nn.intrinsic.qat.ConvBnReLU2d") {
      try QAT.ConvBnReLU2d(layer($0, 2), norm($0, BatchNorm2d.self), qconfig($0))
    },
    operation("nn.intrinsic.qat.ConvBnReLU3d") {
      try QAT.ConvBnReLU3d(layer($0, 3), norm($0, BatchNorm3d.self), qconfig($0))
    },
  ]

  private static let embeddings: [ParityOperation] = [
    operation("nn.qat.Embedding") { call in
      try QAT.Embedding(
        Embedding(
          weight: Parameter(call.state("weight")),
          paddingIndex: call.attributes.optionalInt("padding_idx")), qconfig(call))
    },
    operation("nn.qat.EmbeddingBag") { call in
      try QAT.EmbeddingBag(
        EmbeddingBag(
          weight: Parameter(call.state("weight")), mode: EmbeddingParityOperations.mode(call),
          includeLastOffset: EmbeddingParityOperations.includesLastOffset(call)), qconfig(call))
    },
  ]

  // MARK: Modules

  private static func qconfig(_ call: ParityCase) throws -> QConfig {
    try .named(call.attributes.string("qconfig"))
  }

  private static func linear(_ call: ParityCase) throws -> Linear {
    let a = call.attributes
    return Linear(
      try a.int("in_features"), try a.int("out_features"), bias: try a.bool("bias", default: true))
  }

  private static func layer<Layer: OctetNN.Convolution>(_ call: ParityCase, _ rank: Int) throws
    -> Layer
  {
    try ConvolutionParityOperations.convolution(call, rank, "")
  }

  private static func norm<Norm: OctetNN.BatchNorm>(
    _ call: ParityCase, _ type: Norm.Type
  ) throws -> Norm {
    try ConvolutionParityOperations.norm(call, "out_channels", type)
  }

  // MARK: Running

  /// Runs a module on all batches, with the switches that come before each, and takes the last one's gradients.
  private static func operation(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> any TrainingForm
  ) -> ParityOperation {
    ParityOperation(name) { call in
      let module = try make(call)
      try module.load(StateDictionary(call.state.map { ($0, $1) }), strict: false)
      module.train(!(try call.attributes.bool("eval", default: false)))
      if try call.attributes.bool("freeze_bn", default: false) {
        (module as? any FreezableNorm)?.freezeNorm(true)
      }
      (module as? any FreezableConvolution)?.followsBatch = try call.attributes.bool(
        "follows_batch", default: false)
      let parameters = parameters(module)
      var results: [Tensor] = []
      var input: Tensor?
      try call.forEachBatch { batch, toggles in
        for toggle in toggles { try switchTo(toggle, module) }
        let batch = batch.detached()
        for (_, parameter) in parameters { parameter.value = parameter.value.detached() }
        if batch.dtype.isFloatingPoint { batch.requiresGrad = true }
        for (_, parameter) in parameters { parameter.value.requiresGrad = true }
        results.append(try run(module, batch, call))
        input = batch
      }
      var outputs = ParityOutputs(list: results.map { $0.detached() }, name: "y")
      if let upstream = try call.optionalInput("grad_output"), let last = results.last {
        try last.backward(upstream)
        outputs.tensors["grad.input"] = input?.gradient
        for (name, parameter) in parameters {
          outputs.tensors["grad.\(name)"] = parameter.value.gradient
        }
      }
      for (name, tensor) in module.stateDictionary().entries {
        let isParameter = name.hasSuffix("scale") || name.hasSuffix("zero_point")
        guard isParameter || name.hasPrefix("bn.running") else { continue }
        outputs.tensors["state.\(name)"] =
          tensor.dtype.isFloatingPoint ? tensor : try tensor.converted(to: .int64)
      }
      return outputs
    }
  }

  private static func run(_ module: Module, _ batch: Tensor, _ call: ParityCase) throws -> Tensor {
    // Gradients are asked for in evaluation mode too, where evaluate doesn't record.
    let offsets = try call.optionalInput("offsets")
    return try collectingErrors {
      (module as? BagModule).map { $0(batch, offsets: offsets) } ?? module(batch)
    }
  }

  /// The trained tensors of a module, by torch's names.
  private static func parameters(_ module: Module) -> [(name: String, parameter: Parameter)] {
    module.namedModules().flatMap { path, module in
      module.ownStateTensors().compactMap { name, tensor in
        (tensor as? Parameter).map { (path.isEmpty ? name : "\(path).\(name)", $0) }
      }
    }
  }

  private static func switchTo(_ toggle: String, _ module: Module) throws {
    switch toggle {
    case "freeze_bn_stats": freezeBnStats(module)
    case "update_bn_stats": updateBnStats(module)
    case "enable_fake_quant": enableFakeQuant(module)
    case "disable_fake_quant": disableFakeQuant(module)
    case "enable_observer": enableObserver(module)
    case "disable_observer": disableObserver(module)
    case "train": module.train()
    case "eval": module.eval()
    default:
      throw OctetError(
        .invalidConfiguration, operation: ParityAttributes.operation, argument: "attrs.toggles",
        expected: "the name of a switch", received: toggle)
    }
  }
}
