import OctetTensor

/// `max(x, 0)`, on real and on quantized tensors. torch.nn.ReLU.
public final class ReLU: Module {
  /// Creates the layer.
  public override init() {}

  public override func forward(_ input: Tensor) throws -> Tensor { try Functional.relu(input) }
}
