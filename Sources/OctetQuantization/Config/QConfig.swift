import OctetNN
import OctetTensor

/// How one module is quantized: a recipe for the observer of its output and one for its weight.
/// torch.ao.quantization.QConfig.
public struct QConfig: Sendable, Equatable {
  /// Watches activations.
  public var activation: ObserverFactory
  /// Watches the weight, once, at conversion.
  public var weight: ObserverFactory

  /// Pairs two recipes.
  public init(activation: ObserverFactory, weight: ObserverFactory) {
    self.activation = activation
    self.weight = weight
  }
}
