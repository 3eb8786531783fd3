import OctetTensor

/// Printing: the tree of what runs now, as torch shows it.
extension Module: CustomStringConvertible {
  /// The module's type and details, then its children with their names, indented.
  public final var description: String {
    let head = current.typeName + "(\(current.details))"
    let below = children.map { name, child in
      "  (\(name)): " + child.description.split(separator: "\n").joined(separator: "\n  ")
    }
    return below.isEmpty ? head : "\(current.typeName)(\n\(below.joined(separator: "\n"))\n)"
  }

  /// The type with the namespaces it is nested in, without the target's name.
  private var typeName: String {
    let full = String(reflecting: type(of: self))
    return full.split(separator: ".").dropFirst().filter { !$0.hasPrefix("(unknown") }
      .joined(separator: ".")
  }
}
