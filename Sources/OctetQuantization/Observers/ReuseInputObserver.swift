import OctetNN
import OctetTensor

/// Marks the output of an operator that keeps its input's parameters, such as reshape. Collects nothing.
/// torch.ao.quantization.observer.ReuseInputObserver.
public final class ReuseInputObserver: Observer {
  /// A mark.
  public init() { super.init(dtype: .quint8) }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { ReuseInputObserver() }
}
