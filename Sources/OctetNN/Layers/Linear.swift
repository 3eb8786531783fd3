import OctetTensor

/// `y = x * weightᵀ + bias` in float32. torch.nn.Linear.
public class Linear: Module {
  /// K, the size of the input's last dimension.
  public let inFeatures: Int
  /// N, the size of the output's last dimension.
  public let outFeatures: Int
  /// `[N, K]`.
  public let weight: Parameter
  /// `[N]`, nil for none.
  public let bias: Parameter?

  /// A layer with random weights in `±1 / sqrt(K)`.
  public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true) {
    self.inFeatures = positive(inFeatures, "inFeatures", "Linear")
    self.outFeatures = positive(outFeatures, "outFeatures", "Linear")
    weight = Parameter(uniformWeights([outFeatures, inFeatures], fanIn: inFeatures, "Linear"))
    self.bias =
      bias ? Parameter(uniformWeights([outFeatures], fanIn: inFeatures, "Linear")) : nil
  }

  /// A layer around existing parameters.
  ///
  /// - Throws: `shapeMismatch` when they don't fit each other.
  public init(weight: Parameter, bias: Parameter?) throws {
    guard weight.value.rank == 2, bias.map({ $0.value.shape == [weight.value.shape[0]] }) ?? true
    else {
      throw OctetError(
        .shapeMismatch, operation: "Linear", argument: "weight",
        expected: "weight [N, K] and bias [N]",
        received: "weight \(weight.value.shape), bias \(bias?.value.shape ?? [])")
    }
    inFeatures = weight.value.shape[1]
    outFeatures = weight.value.shape[0]
    self.weight = weight
    self.bias = bias
  }

  /// A layer around the copies of another one's parameters.
  package required init(_ other: Linear, _ copier: ModuleCopier) throws {
    inFeatures = other.inFeatures
    outFeatures = other.outFeatures
    weight = try copier(other.weight)
    bias = try copier(other.bias)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try Self(self, copier)
  }

  public override var details: String { "\(inFeatures), \(outFeatures), bias: \(bias != nil)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.linear(input, weight: weight.value, bias: bias?.value)
  }
}

/// A form of a linear layer that can end in a ReLU without another pass over its result.
package protocol ReLUJoiningModule: Module {
  /// `forward`, then `max(y, 0)`.
  func forwardThenReLU(_ input: Tensor) throws -> Tensor
}

extension Linear {
  /// This module's call and a ReLU, in one kernel where nobody sees what is between them.
  package func callThenReLU(_ input: Tensor) -> Tensor {
    guard unwatched(as: (any ReLUJoiningModule).self) != nil, !input.isPlaceholder,
      ExecutionMode.joinsSteps(on: [input])
    else { return self(input).relu() }
    return running(Module.self, orElse: Tensor.placeholder) {
      guard let form = $0 as? any ReLUJoiningModule else { return self(input).relu() }
      return try form.forwardThenReLU(input)
    }
  }
}

/// A linear layer that is part of a module which computes as a whole: workflows leave it alone on its own.
/// torch.nn.modules.linear.NonDynamicallyQuantizableLinear.
public final class NonDynamicallyQuantizableLinear: Linear {}
