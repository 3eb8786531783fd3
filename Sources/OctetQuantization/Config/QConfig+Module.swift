import OctetNN

/// What was said about a module's quantization.
package enum QConfigSetting: Sendable {
  /// Nothing: the parent's configuration holds.
  case inherited
  /// This configuration, or none at all.
  case set(QConfig?)
}

extension Module {
  private enum Key {}

  /// What was said about this module itself.
  package var qconfigSetting: QConfigSetting {
    get { attachments[ObjectIdentifier(Key.self)] as? QConfigSetting ?? .inherited }
    set {
      if case .inherited = newValue {
        attachments[ObjectIdentifier(Key.self)] = nil
      } else {
        attachments[ObjectIdentifier(Key.self)] = newValue
      }
    }
  }

  /// How this module and everything below it is quantized. Setting nil leaves the subtree in float; a child's own setting
  /// beats its parent's. torch's `module.qconfig`.
  public var qconfig: QConfig? {
    get { if case .set(let qconfig) = qconfigSetting { qconfig } else { nil } }
    set { qconfigSetting = .set(newValue) }
  }
}
