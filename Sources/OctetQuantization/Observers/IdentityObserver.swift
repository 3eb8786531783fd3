import OctetNN
import OctetTensor

/// Stands in a configuration for a side that isn't quantized: what torch spells `torch.nn.Identity` there.
public final class IdentityObserver: Observer {
  /// An observer that watches nothing.
  public init() { super.init(dtype: .float32) }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { IdentityObserver() }
}
