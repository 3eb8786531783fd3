import OctetNN
import OctetTensor

/// The operations of quantized normalization modules.
package enum NormParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = [
    module("nn.quantized.BatchNorm2d") { try batchNorm(Quantized.BatchNorm2d.init, $0) },
    module("nn.quantized.BatchNorm3d") { try batchNorm(Quantized.BatchNorm3d.init, $0) },
    module("nn.intrinsic.quantized.BNReLU2d") { try batchNorm(Quantized.BNReLU2d.init, $0) },
    module("nn.intrinsic.quantized.BNReLU3d") { try batchNorm(Quantized.BNReLU3d.init, $0) },
    module("nn.quantized.LayerNorm") { call in
      let (a, output) = (call.attributes, try output(call))
      return try Quantized.LayerNorm(
        a.ints("normalized_shape"), weight: call.optionalState("weight"),
        bias: call.optionalState("bias"), epsilon: a.double("eps", default: 1e-5),
        scale: output.scale, zeroPoint: output.zeroPoint)
    },
    module("nn.quantized.GroupNorm") { call in
      let (a, output) = (call.attributes, try output(call))
      return try Quantized.GroupNorm(
        a.int("num_groups"), a.int("num_channels"), weight: call.optionalState("weight"),
        bias: call.optionalState("bias"), epsilon: a.double("eps", default: 1e-5),
        scale: output.scale, zeroPoint: output.zeroPoint)
    },
    module("nn.quantized.InstanceNorm1d") { try instanceNorm(Quantized.InstanceNorm1d.init, $0) },
    module("nn.quantized.InstanceNorm2d") { try instanceNorm(Quantized.InstanceNorm2d.init, $0) },
    module("nn.quantized.InstanceNorm3d") { try instanceNorm(Quantized.InstanceNorm3d.init, $0) },
  ]

  /// A module that runs once on `in/input`.
  private static func module(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> Module
  ) -> ParityOperation {
    .single(name) { try make($0).evaluate($0.input()) }
  }

  private static func output(_ call: ParityCase) throws -> (scale: Double, zeroPoint: Int) {
    (
      try call.attributes.double("scale", default: 1),
      try call.attributes.int("zero_point", default: 0)
    )
  }

  private static func batchNorm(
    _ make: (Int, Double, Double, Int) throws -> Quantized.BatchNorm, _ call: ParityCase
  ) throws -> Module {
    let output = try output(call)
    let module = try make(
      call.attributes.int("num_features"), call.attributes.double("eps", default: 1e-5),
      output.scale, output.zeroPoint)
    if let weight = call.optionalState("weight") { module.weight.value = weight }
    if let bias = call.optionalState("bias") { module.bias.value = bias }
    if let mean = call.optionalState("running_mean") { module.runningMean.value = mean }
    if let variance = call.optionalState("running_var") { module.runningVar.value = variance }
    return module
  }

  private static func instanceNorm(
    _ make: (Int, Tensor?, Tensor?, Double, Double, Int) throws -> Quantized.InstanceNorm,
    _ call: ParityCase
  ) throws -> Module {
    let output = try output(call)
    return try make(
      call.attributes.int("num_features"), call.optionalState("weight"),
      call.optionalState("bias"), call.attributes.double("eps", default: 1e-5), output.scale,
      output.zeroPoint)
  }
}
