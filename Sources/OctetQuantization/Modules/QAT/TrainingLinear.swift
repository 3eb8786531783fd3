import OctetNN
import OctetTensor

extension QAT {
  /// `y = x * round(w)ᵀ + b` in float32, with the weight rounded to the quantized grid. torch.ao.nn.qat.Linear.
  public class Linear: Module, TrainingForm {
    /// `[N, K]`.
    public let weight: Parameter
    /// `[N]`, nil for none.
    public let bias: Parameter?
    /// Rounds the weight, and follows its range.
    public let weightFakeQuant: Observer

    /// The training form of a float layer; parameters are shared.
    ///
    /// - Throws: `invalidConfiguration` when the configuration's weight isn't a fake quantizer.
    public init(_ float: OctetNN.Linear, _ qconfig: QConfig) throws {
      weight = float.weight
      bias = float.bias
      weightFakeQuant = try weightFakeQuantizer(qconfig, "QAT.Linear")
    }

    /// A copy of a form.
    required init(_ other: Linear, _ copier: ModuleCopier) throws {
      weight = try copier(other.weight)
      bias = try copier(other.bias)
      weightFakeQuant = try copier(other.weightFakeQuant)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(self, copier)
    }

    public override var details: String {
      let shape = weight.value.shape
      return "\(shape[1]), \(shape[0]), bias: \(bias != nil)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.linear(
        input, weight: weightFakeQuant(weight.value), bias: bias?.value)
    }

    /// The float module around the same parameters, batch norms folded.
    public func toFloat() throws -> Module { try layer() }

    /// The float layer around the same parameters.
    final func layer() throws -> OctetNN.Linear {
      try OctetNN.Linear(weight: weight, bias: bias).train(isTraining)
    }
  }

  /// `max(linear(x), 0)` with a rounded weight. torch.ao.nn.intrinsic.qat.LinearReLU.
  public final class LinearReLU: Linear {
    /// The training form of a fused module; parameters are shared.
    public init(_ float: Fused.LinearReLU, _ qconfig: QConfig) throws {
      try super.init(float.linear, qconfig)
    }

    required init(_ other: Linear, _ copier: ModuleCopier) throws { try super.init(other, copier) }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.relu(super.forward(input))
    }

    public override func toFloat() throws -> Module {
      try Fused.LinearReLU(layer()).train(isTraining)
    }
  }

  /// A linear layer and a batch norm that train as one: the weight is rounded as it will be after folding.
  ///
  /// `k = γ / sqrt(runningVar + ε)`, `y = norm((x * round(w * k)ᵀ) / k + b)`. torch.ao.nn.intrinsic.qat.LinearBn1d.
  public final class LinearBn1d: Module, TrainingForm, FreezableNorm {
    /// `[N, K]`.
    public let weight: Parameter
    /// `[N]`, nil for none.
    public let bias: Parameter?
    /// The batch norm of the layer's output.
    public let bn: OctetNN.BatchNorm
    /// Rounds the weight, and follows its range.
    public let weightFakeQuant: Observer
    /// True while the batch norm keeps its statistics.
    public private(set) var isNormFrozen = false

    /// The training form of a fused module; parameters and statistics are shared.
    ///
    /// - Throws: `invalidConfiguration` when the configuration's weight isn't a fake quantizer.
    public init(_ float: Fused.LinearBn1d, _ qconfig: QConfig) throws {
      weight = float.linear.weight
      bias = float.linear.bias
      bn = float.norm.sharing()
      weightFakeQuant = try weightFakeQuantizer(qconfig, "QAT.LinearBn1d")
    }

    private init(_ other: LinearBn1d, _ copier: ModuleCopier) throws {
      weight = try copier(other.weight)
      bias = try copier(other.bias)
      bn = try copier(other.bn)
      weightFakeQuant = try copier(other.weightFakeQuant)
      isNormFrozen = other.isNormFrozen
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LinearBn1d(self, copier)
    }

    public override var passesModeOn: Bool { !isNormFrozen }

    /// Freezes or unfreezes the statistics; `train()` doesn't undo it.
    public func freezeNorm(_ on: Bool) {
      isNormFrozen = on
      bn.train(!on)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      let scaled = try ScaledWeight(weight.value, bn)
      let output = try Functional.linear(input, weight: weightFakeQuant(scaled.weight))
      return try bn(scaled.restored(output, bias: bias?.value))
    }

    /// The float module around the same parameters, batch norms folded.
    public func toFloat() throws -> Module {
      try folded(OctetNN.Linear(weight: weight, bias: bias), bn).train(isTraining)
    }
  }
}

extension QAT.Dynamic {
  /// A linear layer that trains for activations quantized at run time. torch.ao.nn.qat.dynamic.Linear.
  public final class Linear: QAT.Linear {
    /// The training form of a float layer; parameters are shared.
    ///
    /// - Throws: `invalidConfiguration` when the configuration's weight isn't a fake quantizer, or the activation's remembers
    ///   earlier batches.
    public override init(_ float: OctetNN.Linear, _ qconfig: QConfig) throws {
      guard qconfig.activation().isMemoryless else {
        throw OctetError(
          .invalidConfiguration, operation: "QAT.Dynamic.Linear", argument: "qconfig.activation",
          expected: "a memoryless observer: a moving average with constant 1",
          received: qconfig.activation.name, fix: "use .defaultDynamicQAT")
      }
      try super.init(float, qconfig)
    }

    required init(_ other: QAT.Linear, _ copier: ModuleCopier) throws {
      try super.init(other, copier)
    }
  }
}
