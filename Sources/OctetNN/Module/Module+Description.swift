import OctetTensor

/// Printing: the tree of what runs now, as torch shows it.
extension Module: CustomStringConvertible {
  /// The module's type and details, then its children and its observer with their names, indented.
  public final var description: String {
    var below = children
    if let activationPostProcess {
      below.append(("activation_post_process", activationPostProcess))
    }
    let details = current.details
    if below.isEmpty { return "\(current.typeName)(\(details))" }
    var lines = details.isEmpty ? [] : ["  \(details)"]
    lines += below.map { name, child in
      "  (\(name)): " + child.description.split(separator: "\n").joined(separator: "\n  ")
    }
    return "\(current.typeName)(\n\(lines.joined(separator: "\n"))\n)"
  }

  /// The type with the namespaces it is nested in, without the target's name.
  private var typeName: String {
    let full = String(reflecting: type(of: self))
    return full.split(separator: ".").dropFirst().filter { !$0.hasPrefix("(unknown") }
      .joined(separator: ".")
  }
}
