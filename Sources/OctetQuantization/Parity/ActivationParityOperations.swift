import OctetNN
import OctetTensor

/// The operations of quantized activation modules and of the functional modules.
package enum ActivationParityOperations {
  /// Every line.
  package static let all = activations + quantizedFunctional + floatFunctional

  private static let activations: [ParityOperation] = [
    activation("ReLU6") { _ in Quantized.ReLU6() },
    activation("Hardswish") {
      try Quantized.Hardswish(scale: scale($0), zeroPoint: zeroPoint($0))
    },
    activation("LeakyReLU") {
      try Quantized.LeakyReLU(
        scale: scale($0), zeroPoint: zeroPoint($0),
        negativeSlope: $0.attributes.double("negative_slope", default: 0.01))
    },
    activation("ELU") {
      try Quantized.ELU(
        scale: scale($0), zeroPoint: zeroPoint($0),
        alpha: $0.attributes.double("alpha", default: 1))
    },
    activation("Sigmoid") {
      try Quantized.Sigmoid(
        scale: $0.attributes.double("output_scale"),
        zeroPoint: $0.attributes.int("output_zero_point"))
    },
    activation("Softmax") {
      try Quantized.Softmax(
        dim: $0.attributes.optionalInt("dim"), scale: scale($0), zeroPoint: zeroPoint($0))
    },
    activation("PReLU") {
      try Quantized.PReLU(
        weight: $0.state("weight"), scale: $0.attributes.double("output_scale"),
        zeroPoint: $0.attributes.int("output_zero_point"))
    },
    activation("Dropout") { _ in Quantized.Dropout() },
  ]

  private static func activation(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> Module
  ) -> ParityOperation {
    .single("nn.quantized.\(name)") { try make($0).evaluate($0.input()) }
  }

  private static func scale(_ call: ParityCase) throws(OctetError) -> Double {
    try call.attributes.double("scale", default: 1)
  }

  private static func zeroPoint(_ call: ParityCase) throws(OctetError) -> Int {
    try call.attributes.int("zero_point", default: 0)
  }

  // MARK: Functional modules

  private static let quantizedFunctional = functional("QFunctional") {
    try Quantized.QFunctional(scale: scale($0), zeroPoint: zeroPoint($0))
  }

  private static let floatFunctional =
    functional("FloatFunctional") { _ in FloatFunctional() }
    + functional("FXFloatFunctional") { _ in FXFloatFunctional() }

  private static func functional(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> any FunctionalMethods
  ) -> [ParityOperation] {
    func method(
      _ method: String,
      _ run: @escaping @Sendable (any FunctionalMethods, ParityCase) throws -> Tensor
    ) -> ParityOperation {
      .single("nn.quantized.\(name).\(method)") { call in
        let functional = try make(call)
        return try collectingErrors { try run(functional, call) }
      }
    }
    return [
      method("add") { try $0.add($1.input("x"), $1.input("y")) },
      method("add_relu") { try $0.addReLU($1.input("x"), $1.input("y")) },
      method("mul") { try $0.mul($1.input("x"), $1.input("y")) },
      method("matmul") { try $0.matmul($1.input("x"), $1.input("y")) },
      method("cat") {
        try $0.cat($1.inputs("x"), dim: $1.attributes.int("dim", default: 0))
      },
      method("add_scalar") { try $0.addScalar($1.input("x"), $1.attributes.double("other")) },
      method("mul_scalar") { try $0.mulScalar($1.input("x"), $1.attributes.double("other")) },
    ]
  }
}
