import OctetNN
import OctetTensor

extension Fused {
  /// What modules that fusion made of several share: the parts run one after another in float32 and are named "0", "1", ...
  public class Sequence: Module {
    private let parts: [Module]

    /// Runs `parts` in order: handles of their own that share the parameters of what was fused.
    init(_ parts: Module...) { self.parts = parts }

    public override func ownChildren() -> [(name: String, module: Module)] {
      parts.enumerated().map { ("\($0)", $1) }
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      parts.reduce(input) { $1($0) }
    }
  }
}

extension OctetNN.Linear {
  /// A second layer around the same parameters, in the same mode.
  func sharing() throws -> OctetNN.Linear {
    try OctetNN.Linear(weight: weight, bias: bias).train(isTraining)
  }
}

extension OctetNN.Convolution {
  /// A second layer around the same parameters, in the same mode.
  func sharing() throws -> Self { try with(weight: weight, bias: bias).train(isTraining) }
}

/// Refuses a batch norm that a layer can't train with: one of another number of channels than the layer gives, or, as torch does,
/// one without affine part or running statistics.
func requireTrainable(_ norm: OctetNN.BatchNorm, _ outputs: Int, _ operation: String) throws {
  guard norm.features == outputs else {
    throw OctetError(
      .shapeMismatch, operation: operation, argument: "norm",
      expected: "a batch norm of the layer's \(outputs) output channels",
      received: "\(norm.features) features")
  }
  guard norm.isAffine else {
    throw OctetError(
      .unsupportedModule, operation: operation, argument: "norm",
      expected: "a batch norm with affine part", received: "one with affine: false",
      fix: "make it with affine: true; its γ starts as 1 and its β as 0")
  }
  if norm.runningStatistics == nil { throw needsStatistics(norm) }
}
