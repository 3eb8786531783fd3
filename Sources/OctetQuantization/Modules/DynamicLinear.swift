import OctetNN
import OctetTensor

extension Dynamic {
  /// `y = x * wᵀ + b`, float32 `[..., K]` in and `[..., N]` out. torch.ao.nn.quantized.dynamic.Linear.
  ///
  /// With qint8 weights the input is quantized on the fly to quint8 by the range of all its values, to 7 bits when
  /// `reduceRange`. With float16 weights the arithmetic is float32.
  public class Linear: Module, ReLUJoiningModule {
    private let weights: DynamicLinearWeights
    /// True when activations take 0...127 of 0...255.
    public let reduceRange: Bool

    /// True for the form that ends in a ReLU.
    var appliesReLU: Bool { false }

    /// A module around a weight `[N, K]`, qint8 or float16, and a float32 bias `[N]`.
    ///
    /// - Throws: when weight and bias aren't legal or don't fit.
    public required init(weight: Tensor, bias: Tensor?, reduceRange: Bool = true) throws {
      weights = try DynamicLinearWeights(weight: weight, bias: bias)
      self.reduceRange = reduceRange
    }

    /// A module around a float32 weight `[N, K]` that is rounded to float16, values beyond ±65504 to these.
    public convenience init(roundingToHalf weight: Tensor, bias: Tensor?) throws {
      guard weight.dtype == .float32 else {
        throw OctetError(
          .dtypeMismatch, operation: "Dynamic.Linear", argument: "weight",
          expected: "dtype float32", received: "dtype \(weight.dtype.rawValue)")
      }
      let largest = 65504.0
      let inside = try Functional.hardtanh(weight, min: -largest, max: largest)
      try self.init(weight: inside.converted(to: .float16), bias: bias)
    }

    /// The dynamic form of a float layer.
    convenience init(_ float: OctetNN.Linear, _ context: ConversionContext) throws {
      let (weight, bias) = (float.weight.value, float.bias?.value)
      if context.qconfig.weight().dtype == .float16 {
        try self.init(roundingToHalf: weight, bias: bias)
      } else {
        try self.init(weight: context.quantizedWeight(weight), bias: bias)
      }
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(weight: weight, bias: bias, reduceRange: reduceRange)
    }

    /// qint8 or float16 `[N, K]`.
    public var weight: Tensor { weights.weight }

    /// float32 `[N]`, nil for none.
    public var bias: Tensor? { weights.bias }

    /// The integer weights, nil for float16.
    var packed: PackedLinear? {
      if case .integer(let packed) = weights.form { packed } else { nil }
    }

    public override var details: String {
      switch weights.form {
      case .integer(let packed): "\(packed.inFeatures), \(packed.outFeatures)"
      case .half(let weight, _): "\(weight.shape[1]), \(weight.shape[0]), float16"
      }
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try computed(input, relu: appliesReLU)
    }

    package func forwardThenReLU(_ input: Tensor) throws -> Tensor {
      try computed(input, relu: true)
    }

    private func computed(_ input: Tensor, relu: Bool) throws -> Tensor {
      switch weights.form {
      case .integer(let packed):
        return try Functional.dynamicLinear(input, packed, reduceRange: reduceRange, relu: relu)
      case .half(let weight, let bias):
        guard input.rank >= 2 else {
          throw OctetError(
            .shapeMismatch, operation: "quantized::linear_dynamic_fp16", argument: "input",
            expected: "at least two dimensions [..., \(weight.shape[1])]",
            received: "shape \(input.shape)", fix: "add a batch dimension")
        }
        let output = try Functional.linear(input, weight: weight, bias: bias)
        return relu ? try Functional.relu(output) : output
      }
    }
  }

  /// `Linear` followed by a ReLU on the real output. torch.ao.nn.intrinsic.quantized.dynamic.LinearReLU.
  public final class LinearReLU: Linear {
    override var appliesReLU: Bool { true }
  }
}

/// The weights of a dynamic linear layer, qint8 or float16, and a float32 bias, as a part of its state.
final class DynamicLinearWeights: StateGroup {
  enum Form {
    case integer(PackedLinear)
    /// float32 values that float16 holds.
    case half(weight: Tensor, bias: Tensor?)
  }
  private(set) var form: Form

  /// - Throws: when weight and bias aren't legal or don't fit.
  init(weight: Tensor, bias: Tensor?) throws { form = try Self.form(weight, bias) }

  private static func form(_ weight: Tensor, _ bias: Tensor?) throws -> Form {
    guard weight.dtype == .float16 else {
      try requireInt8(weight, "Dynamic.Linear")
      return .integer(try PackedLinear(weight: weight, bias: bias, operation: "Dynamic.Linear"))
    }
    let real = try weight.converted(to: .float32)
    // The float layer has the rules of these shapes.
    _ = try OctetNN.Linear(weight: Parameter(real), bias: bias.map { Parameter($0) })
    return .half(weight: real, bias: bias)
  }

  /// qint8 or float16 `[N, K]`.
  var weight: Tensor {
    switch form {
    case .integer(let packed): packed.weight
    case .half(let weight, _): eager { try weight.converted(to: .float16) }
    }
  }

  /// float32 `[N]`, nil for none.
  var bias: Tensor? {
    switch form {
    case .integer(let packed): packed.bias
    case .half(_, let bias): bias
    }
  }

  var entries: [(name: String, tensor: Tensor)] {
    [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
  }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    let loaded = try Self.form(state["weight"] ?? weight, state["bias"] ?? bias)
    if !isTrial { form = loaded }
  }

  func releaseCache() {
    if case .integer(let packed) = form { packed.releaseCache() }
  }
}
