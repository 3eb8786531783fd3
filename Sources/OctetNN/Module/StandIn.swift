import OctetTensor

/// A handle of its own for a module that is wrapped by its successor: it computes what the module itself computes, and counts as that
/// module until it gets a successor.
///
/// The module owns its successor, which owns the stand-in; so the stand-in must not own the module.
package final class StandIn: Module {
  private unowned let host: Module

  /// Stands for `host`, which must outlive it.
  package init(for host: Module) {
    self.host = host
    super.init()
    train(host.isTraining)
  }

  package override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    StandIn(for: try copier(host))
  }

  override var represented: Module { host }

  package override func ownChildren() -> [(name: String, module: Module)] { [] }

  package override func forward(_ input: Tensor) throws -> Tensor { try host.forward(input) }
}
