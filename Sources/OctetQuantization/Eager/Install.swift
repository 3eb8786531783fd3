import OctetNN
import OctetTensor

/// Installs successors, then releases the parameters that nothing in the model runs with any more.
///
/// A parameter that another module still shares (tied weights, or a fused module built around it) stays.
func install(_ installs: [(handle: Module, successor: Module)], in model: Module) throws {
  let replaced = installs.flatMap { [$0.handle, $0.handle.current] }
  for (handle, successor) in installs { try handle.become(successor) }
  var used: Set<ObjectIdentifier> = []
  for (_, module) in model.namedModules() {
    for (_, tensor) in module.ownStateTensors() { used.insert(ObjectIdentifier(tensor)) }
  }
  for module in replaced {
    for (_, tensor) in module.ownStateTensors() where !used.contains(ObjectIdentifier(tensor)) {
      tensor.drop()
    }
  }
}
