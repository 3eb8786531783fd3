import OctetNN
import OctetTensor

/// The operations of convolution modules.
package enum ConvolutionParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = quantized + dynamic + reference + float

  private static let quantized: [ParityOperation] = [
    module("nn.quantized.Conv1d") { try Quantized.Conv1d(weights($0, 1), $0) },
    module("nn.intrinsic.quantized.ConvReLU1d") { try Quantized.ConvReLU1d(weights($0, 1), $0) },
    module("nn.quantized.Conv2d") { try Quantized.Conv2d(weights($0, 2), $0) },
    module("nn.intrinsic.quantized.ConvReLU2d") { try Quantized.ConvReLU2d(weights($0, 2), $0) },
    module("nn.quantized.Conv3d") { try Quantized.Conv3d(weights($0, 3), $0) },
    module("nn.intrinsic.quantized.ConvReLU3d") { try Quantized.ConvReLU3d(weights($0, 3), $0) },
    .single("nn.intrinsic.quantized.ConvAdd2d") {
      try Quantized.ConvAdd2d(weights($0, 2), $0).evaluate($0.input(), $0.input("extra"))
    },
    .single("nn.intrinsic.quantized.ConvAddReLU2d") {
      try Quantized.ConvAddReLU2d(weights($0, 2), $0).evaluate($0.input(), $0.input("extra"))
    },
    module("nn.quantized.ConvTranspose1d") {
      try Quantized.ConvTranspose1d(transposedWeights($0, 1), $0)
    },
    module("nn.quantized.ConvTranspose2d") {
      try Quantized.ConvTranspose2d(transposedWeights($0, 2), $0)
    },
    module("nn.quantized.ConvTranspose3d") {
      try Quantized.ConvTranspose3d(transposedWeights($0, 3), $0)
    },
  ]

  private static let dynamic: [ParityOperation] = [
    module("nn.quantized.dynamic.Conv1d") {
      try Dynamic.Conv1d(weights($0, 1), reduceRange: true)
    },
    module("nn.quantized.dynamic.Conv2d") {
      try Dynamic.Conv2d(weights($0, 2), reduceRange: true)
    },
    module("nn.quantized.dynamic.Conv3d") {
      try Dynamic.Conv3d(weights($0, 3), reduceRange: true)
    },
    module("nn.quantized.dynamic.ConvTranspose1d") {
      try Dynamic.ConvTranspose1d(transposedWeights($0, 1), reduceRange: true)
    },
    module("nn.quantized.dynamic.ConvTranspose2d") {
      try Dynamic.ConvTranspose2d(transposedWeights($0, 2), reduceRange: true)
    },
    module("nn.quantized.dynamic.ConvTranspose3d") {
      try Dynamic.ConvTranspose3d(transposedWeights($0, 3), reduceRange: true)
    },
  ]

  private static let reference: [ParityOperation] = [
    reference("Conv1d", 1) { g, weight, bias, parameters in
      try Reference.Conv1d(
        weight: weight, bias: bias, stride: g.stride, padding: g.padding, dilation: g.dilation,
        groups: g.groups, weightParameters: parameters)
    },
    reference("Conv2d", 2) { g, weight, bias, parameters in
      try Reference.Conv2d(
        weight: weight, bias: bias, stride: g.stride, padding: g.padding, dilation: g.dilation,
        groups: g.groups, weightParameters: parameters)
    },
    reference("Conv3d", 3) { g, weight, bias, parameters in
      try Reference.Conv3d(
        weight: weight, bias: bias, stride: g.stride, padding: g.padding, dilation: g.dilation,
        groups: g.groups, weightParameters: parameters)
    },
    reference("ConvTranspose1d", 1) { g, weight, bias, parameters in
      try Reference.ConvTranspose1d(
        weight: weight, bias: bias, stride: g.stride, padding: g.padding,
        outputPadding: g.outputPadding, dilation: g.dilation, groups: g.groups,
        weightParameters: parameters)
    },
    reference("ConvTranspose2d", 2) { g, weight, bias, parameters in
      try Reference.ConvTranspose2d(
        weight: weight, bias: bias, stride: g.stride, padding: g.padding,
        outputPadding: g.outputPadding, dilation: g.dilation, groups: g.groups,
        weightParameters: parameters)
    },
    reference("ConvTranspose3d", 3) { g, weight, bias, parameters in
      try Reference.ConvTranspose3d(
        weight: weight, bias: bias, stride: g.stride, padding: g.padding,
        outputPadding: g.outputPadding, dilation: g.dilation, groups: g.groups,
        weightParameters: parameters)
    },
  ]

  private static let float: [ParityOperation] = [
    LinearParityOperations.fused("nn.intrinsic.ConvReLU1d") {
      try Fused.ConvReLU1d(convolution($0, 1))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvReLU2d") {
      try Fused.ConvReLU2d(convolution($0, 2))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvReLU3d") {
      try Fused.ConvReLU3d(convolution($0, 3))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvBn1d") {
      try Fused.ConvBn1d(convolution($0, 1), norm($0, "out_channels", BatchNorm1d.self))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvBn2d") {
      try Fused.ConvBn2d(convolution($0, 2), norm($0, "out_channels", BatchNorm2d.self))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvBn3d") {
      try Fused.ConvBn3d(convolution($0, 3), norm($0, "out_channels", BatchNorm3d.self))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvBnReLU1d") {
      try Fused.ConvBnReLU1d(convolution($0, 1), norm($0, "out_channels", BatchNorm1d.self))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvBnReLU2d") {
      try Fused.ConvBnReLU2d(convolution($0, 2), norm($0, "out_channels", BatchNorm2d.self))
    },
    LinearParityOperations.fused("nn.intrinsic.ConvBnReLU3d") {
      try Fused.ConvBnReLU3d(convolution($0, 3), norm($0, "out_channels", BatchNorm3d.self))
    },
    LinearParityOperations.fused("nn.intrinsic.BNReLU2d") {
      try Fused.BNReLU2d(norm($0, "num_features", BatchNorm2d.self))
    },
    LinearParityOperations.fused("nn.intrinsic.BNReLU3d") {
      try Fused.BNReLU3d(norm($0, "num_features", BatchNorm3d.self))
    },
    .single("nn.intrinsic.ConvAdd2d") {
      try Fused.ConvAdd2d(convolution($0, 2)).evaluate($0.input(), $0.input("extra"))
    },
    .single("nn.intrinsic.ConvAddReLU2d") {
      try Fused.ConvAddReLU2d(convolution($0, 2)).evaluate($0.input(), $0.input("extra"))
    },
  ]

  private static func module(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> Module
  ) -> ParityOperation { LinearParityOperations.module(name, make) }

  private static func reference(
    _ name: String, _ rank: Int,
    _ make:
      @escaping @Sendable (Geometry, Tensor, Tensor?, Reference.WeightParameters) throws ->
      Reference.Convolution
  ) -> ParityOperation {
    ParityOperation("nn.quantized.reference.\(name)") { call in
      let weight = try call.state("weight")
      let module = try make(
        Geometry(call, rank), weight, call.optionalState("bias"),
        call.weightParameters(for: weight.shape))
      return ["0": try module.evaluate(call.input()), "weight": try module.effectiveWeight()]
    }
  }

  /// A convolution's attributes, with torch's defaults.
  private struct Geometry {
    let stride, padding, outputPadding, dilation: [Int]
    let groups: Int

    init(_ call: ParityCase, _ rank: Int) throws(OctetError) {
      let a = call.attributes
      let ones = [Int](repeating: 1, count: rank)
      let zeros = [Int](repeating: 0, count: rank)
      stride = try a.ints("stride", default: ones)
      padding = try a.ints("padding", default: zeros)
      outputPadding = try a.ints("output_padding", default: zeros)
      dilation = try a.ints("dilation", default: ones)
      groups = try a.int("groups", default: 1)
    }
  }

  private static func weights(_ call: ParityCase, _ rank: Int) throws -> ConvolutionWeights {
    let g = try Geometry(call, rank)
    let name = try call.attributes.string("padding_mode", default: "zeros")
    guard let mode = PaddingMode(convolution: name) else {
      throw OctetError(
        .invalidArgument, operation: call.operation, argument: "padding_mode",
        expected: "zeros, reflect, replicate or circular", received: name)
    }
    return try ConvolutionWeights(
      rank: rank, weight: call.state("weight"), bias: call.optionalState("bias"),
      stride: g.stride, padding: g.padding, dilation: g.dilation, groups: g.groups,
      paddingMode: mode, operation: call.operation)
  }

  private static func transposedWeights(
    _ call: ParityCase, _ rank: Int
  ) throws -> ConvolutionWeights {
    let g = try Geometry(call, rank)
    return try ConvolutionWeights(
      rank: rank, transposed: call.state("weight"), bias: call.optionalState("bias"),
      stride: g.stride, padding: g.padding, outputPadding: g.outputPadding, dilation: g.dilation,
      groups: g.groups, operation: call.operation)
  }

  /// A layer around the weight and bias that the case's state has under a prefix.
  static func convolution<Layer: OctetNN.Convolution>(
    _ call: ParityCase, _ rank: Int, _ prefix: String = "0."
  ) throws -> Layer {
    let g = try Geometry(call, rank)
    return try Layer(
      weight: Parameter(call.state("\(prefix)weight")),
      bias: call.optionalState("\(prefix)bias").map { Parameter($0) }, stride: g.stride,
      padding: g.padding, dilation: g.dilation, groups: g.groups)
  }

  /// A batch norm whose features an attribute tells.
  static func norm<Norm: OctetNN.BatchNorm>(
    _ call: ParityCase, _ count: String, _ type: Norm.Type
  ) throws -> Norm {
    type.init(
      try call.attributes.int(count), epsilon: try call.epsilon(), momentum: try call.momentum())
  }
}

extension Quantized.Convolution {
  /// A module with the output parameters of a case.
  fileprivate convenience init(_ weights: ConvolutionWeights, _ call: ParityCase) throws {
    try self.init(weights, scale: call.scale(), zeroPoint: call.zeroPoint())
  }
}
