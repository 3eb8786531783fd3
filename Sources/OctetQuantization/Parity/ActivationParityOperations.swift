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

  private static let quantizedFunctional: [ParityOperation] =
    functional("QFunctional") {
      try Quantized.QFunctional(scale: scale($0), zeroPoint: zeroPoint($0))
    } methods: { functional, call in
      switch call {
      case .add(let x, let y): functional.add(x, y)
      case .addReLU(let x, let y): functional.addReLU(x, y)
      case .mul(let x, let y): functional.mul(x, y)
      case .matmul(let x, let y): functional.matmul(x, y)
      case .cat(let x, let dim): functional.cat(x, dim: dim)
      case .addScalar(let x, let other): functional.addScalar(x, other)
      case .mulScalar(let x, let other): functional.mulScalar(x, other)
      }
    }

  private static let floatFunctional: [ParityOperation] =
    functional("FloatFunctional") { _ in
      FloatFunctional()
    } methods: { functional, call in
      switch call {
      case .add(let x, let y): functional.add(x, y)
      case .addReLU(let x, let y): functional.addReLU(x, y)
      case .mul(let x, let y): functional.mul(x, y)
      case .matmul(let x, let y): functional.matmul(x, y)
      case .cat(let x, let dim): functional.cat(x, dim: dim)
      case .addScalar(let x, let other): functional.addScalar(x, other)
      case .mulScalar(let x, let other): functional.mulScalar(x, other)
      }
    }
    + functional("FXFloatFunctional") { _ in
      FXFloatFunctional()
    } methods: { functional, call in
      switch call {
      case .add(let x, let y): functional.add(x, y)
      case .addReLU(let x, let y): functional.addReLU(x, y)
      case .mul(let x, let y): functional.mul(x, y)
      case .matmul(let x, let y): functional.matmul(x, y)
      case .cat(let x, let dim): functional.cat(x, dim: dim)
      case .addScalar(let x, let other): functional.addScalar(x, other)
      case .mulScalar(let x, let other): functional.mulScalar(x, other)
      }
    }

  /// One call of a functional module.
  private enum FunctionalCall {
    case add(Tensor, Tensor)
    case addReLU(Tensor, Tensor)
    case mul(Tensor, Tensor)
    case matmul(Tensor, Tensor)
    case cat([Tensor], dim: Int)
    case addScalar(Tensor, Double)
    case mulScalar(Tensor, Double)

    static let names = [
      "add", "add_relu", "mul", "matmul", "cat", "add_scalar", "mul_scalar",
    ]

    init(_ method: String, _ call: ParityCase) throws {
      switch method {
      case "add": self = .add(try call.input("x"), try call.input("y"))
      case "add_relu": self = .addReLU(try call.input("x"), try call.input("y"))
      case "mul": self = .mul(try call.input("x"), try call.input("y"))
      case "matmul": self = .matmul(try call.input("x"), try call.input("y"))
      case "cat":
        self = .cat(try call.inputs("x"), dim: try call.attributes.int("dim", default: 0))
      case "add_scalar":
        self = .addScalar(try call.input("x"), try call.attributes.double("other"))
      default: self = .mulScalar(try call.input("x"), try call.attributes.double("other"))
      }
    }
  }

  private static func functional<Functional>(
    _ name: String, _ make: @escaping @Sendable (ParityCase) throws -> Functional,
    methods run: @escaping @Sendable (Functional, FunctionalCall) -> Tensor
  ) -> [ParityOperation] {
    FunctionalCall.names.map { method in
      .single("nn.quantized.\(name).\(method)") { call in
        let (functional, arguments) = (try make(call), try FunctionalCall(method, call))
        return try collectingErrors { run(functional, arguments) }
      }
    }
  }
}
