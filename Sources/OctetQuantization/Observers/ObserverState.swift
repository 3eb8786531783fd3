import OctetNN
import OctetTensor

/// Entries of observers have this in their names.
private let observerPart = "activation_post_process"

/// The entries of a prepared model's state that belong to observers and fake quantizers: what calibration has found, to be
/// kept and loaded elsewhere. torch's `get_observer_state_dict`.
public func getObserverStateDict(_ module: Module) -> StateDictionary {
  StateDictionary(
    module.stateDictionary().entries.lazy
      .filter { $0.name.contains(observerPart) }.map { ($0.name, $0.tensor) })
}

/// Loads what `getObserverStateDict` gave for the same model, prepared the same way. torch's `load_observer_state_dict`.
///
/// Entries that don't belong to observers are left alone.
///
/// - Throws: `stateMismatch` naming every missing and unexpected entry of observers, or the first tensor of another shape
///   or type.
public func loadObserverStateDict(_ module: Module, _ state: StateDictionary) throws {
  let own = getObserverStateDict(module)
  let missing = own.names.filter { state[$0] == nil }
  let unexpected = state.names.filter { $0.contains(observerPart) && own[$0] == nil }
  guard missing.isEmpty, unexpected.isEmpty else {
    throw OctetError(
      .stateMismatch, operation: "load_observer_state_dict", argument: "obs_dict",
      expected: "the model's \(own.entries.count) observer entries",
      received: "missing [\(missing.joined(separator: ", "))], "
        + "unexpected [\(unexpected.joined(separator: ", "))]",
      fix: "prepare the model with the configuration it was calibrated with")
  }
  try module.load(
    StateDictionary(own.names.lazy.compactMap { name in state[name].map { (name, $0) } }),
    strict: false)
}
