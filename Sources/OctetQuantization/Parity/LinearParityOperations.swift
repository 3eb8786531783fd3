import OctetNN
import OctetTensor

/// The operations of linear modules and of what folds batch norms into weights.
package enum LinearParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = quantized + dynamic + float

  private static let quantized: [ParityOperation] = [
    module("nn.quantized.Linear") { call in
      try Quantized.Linear(
        weight: call.state("weight"), bias: call.optionalState("bias"), scale: call.scale(),
        zeroPoint: call.zeroPoint())
    },
    module("nn.intrinsic.quantized.LinearReLU") { call in
      try Quantized.LinearReLU(
        weight: call.state("weight"), bias: call.optionalState("bias"), scale: call.scale(),
        zeroPoint: call.zeroPoint())
    },
    module("nn.intrinsic.quantized.LinearLeakyReLU") { call in
      try Quantized.LinearLeakyReLU(
        weight: call.state("weight"), bias: call.optionalState("bias"),
        negativeSlope: call.attributes.double("negative_slope"), scale: call.scale(),
        zeroPoint: call.zeroPoint())
    },
    module("nn.intrinsic.quantized.LinearTanh") { call in
      try Quantized.LinearTanh(
        weight: call.state("weight"), bias: call.optionalState("bias"), scale: call.scale(),
        zeroPoint: call.zeroPoint())
    },
    ParityOperation("nn.quantized.reference.Linear") { call in
      let weight = try call.state("weight")
      let module = try Reference.Linear(
        weight: weight, bias: call.optionalState("bias"),
        weightParameters: call.weightParameters(for: weight.shape))
      return ["0": try module.evaluate(call.input()), "weight": try module.effectiveWeight()]
    },
  ]

  private static let dynamic: [ParityOperation] = [
    module("nn.quantized.dynamic.Linear") { call in
      let (weight, bias) = (try call.state("weight"), call.optionalState("bias"))
      return try call.attributes.optionalDType("dtype") == .float16
        ? Dynamic.Linear(roundingToHalf: weight, bias: bias)
        : Dynamic.Linear(weight: weight, bias: bias)
    },
    module("nn.intrinsic.quantized.dynamic.LinearReLU") { call in
      let (weight, bias) = (try call.state("weight"), call.optionalState("bias"))
      return try call.attributes.optionalDType("dtype") == .float16
        ? Dynamic.LinearReLU(roundingToHalf: weight, bias: bias)
        : Dynamic.LinearReLU(weight: weight, bias: bias)
    },
    module("quantized.linear_dynamic") { call in
      try Dynamic.Linear(
        weight: call.state("weight"), bias: call.optionalState("bias"),
        reduceRange: call.attributes.bool("reduce_range", default: false))
    },
    module("quantized.linear_relu_dynamic") { call in
      try Dynamic.LinearReLU(
        weight: call.state("weight"), bias: call.optionalState("bias"),
        reduceRange: call.attributes.bool("reduce_range", default: false))
    },
  ]

  private static let float: [ParityOperation] = [
    fused("nn.intrinsic.LinearReLU") { try Fused.LinearReLU(linear($0)) },
    fused("nn.intrinsic.LinearBn1d") { call in
      let linear = try linear(call)
      return try Fused.LinearBn1d(
        linear, BatchNorm1d(linear.outFeatures, epsilon: call.epsilon(), momentum: call.momentum()))
    },
    fused("nn.intrinsic.LinearLeakyReLU") { call in
      let slope = try call.attributes.double("negative_slope", default: 0.01)
      return try Fused.LinearLeakyReLU(linear(call), LeakyReLU(negativeSlope: slope))
    },
    fused("nn.intrinsic.LinearTanh") { try Fused.LinearTanh(linear($0)) },
    ParityOperation("nn.utils.fusion.fuse_conv_bn_weights") { call in
      let fused = try fuseConvBnWeights(
        weight: call.input("conv_w"), bias: call.optionalInput("conv_b"), norm(call),
        transposed: call.attributes.bool("transpose", default: false))
      return ["weight": fused.weight, "bias": fused.bias]
    },
    ParityOperation("nn.utils.fusion.fuse_linear_bn_weights") { call in
      let fused = try fuseLinearBnWeights(
        weight: call.input("linear_w"), bias: call.optionalInput("linear_b"), norm(call))
      return ["weight": fused.weight, "bias": fused.bias]
    },
  ]

  private static func linear(_ call: ParityCase) throws -> Linear {
    try Linear(
      weight: Parameter(call.state("0.weight")),
      bias: call.optionalState("0.bias").map { Parameter($0) })
  }

  private static func norm(_ call: ParityCase) throws -> BatchNormValues {
    BatchNormValues(
      mean: try call.input("bn_rm"), variance: try call.input("bn_rv"),
      epsilon: try call.attributes.double("bn_eps"), weight: try call.optionalInput("bn_w"),
      bias: try call.optionalInput("bn_b"))
  }

  /// A module that runs once on `in/input`.
  static func module(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> Module
  ) -> ParityOperation {
    .single(name) { try make($0).evaluate($0.input()) }
  }

  /// A float module that takes the case's state and mode and runs once.
  static func fused(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> Module
  ) -> ParityOperation {
    .single(name) { call in
      let module = try make(call)
      try module.load(StateDictionary(call.state.map { ($0, $1) }), strict: false)
      module.train(try call.attributes.bool("train", default: false))
      return try module.evaluate(call.input())
    }
  }
}

extension ParityCase {
  /// The output's scale.
  func scale() throws(OctetError) -> Double { try attributes.double("scale", default: 1) }

  /// The output's zero point.
  func zeroPoint() throws(OctetError) -> Int { try attributes.int("zero_point", default: 0) }

  /// A batch norm's epsilon.
  func epsilon() throws(OctetError) -> Double { try attributes.double("eps", default: 1e-5) }

  /// A batch norm's momentum.
  func momentum() throws(OctetError) -> Double { try attributes.double("momentum", default: 0.1) }

  /// `weight_qparams`, for a weight of a shape.
  func weightParameters(for shape: [Int]) throws(OctetError) -> Reference.WeightParameters {
    try weightParameters(attributes.dictionary("weight_qparams"), for: shape)
  }

  /// The parameters that a dictionary tells, for a weight of a shape.
  func weightParameters(_ a: ParityAttributes, for shape: [Int]) throws(OctetError)
    -> Reference.WeightParameters
  {
    let dtype = try a.dtype()
    let scheme = try a.optionalScheme() ?? .perTensorAffine
    let (scales, zeros) = (try a.doubles("scale"), try a.doubles("zero_point"))
    let axis = try a.int("axis", default: 0)
    let integers = zeros.map { saturating($0, Int.self) }
    let quantizer =
      switch scheme {
      case .perTensorAffine, .perTensorSymmetric:
        try Quantizer(
          scale: scales.first ?? 1, zeroPoint: integers.first ?? 0, dtype: dtype,
          operation: operation)
      case .perChannelAffine, .perChannelSymmetric:
        try Quantizer(
          scales: scales, zeroPoints: integers, axis: axis, shape: shape, dtype: dtype,
          operation: operation)
      case .perChannelAffineFloatQParams:
        try Quantizer(
          scales: scales.map { Float($0) }, floatZeroPoints: zeros.map { Float($0) }, axis: axis,
          shape: shape, dtype: dtype, operation: operation)
      }
    return Reference.WeightParameters(quantizer, dtype: dtype)
  }
}
