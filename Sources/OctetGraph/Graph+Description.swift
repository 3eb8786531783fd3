import OctetTensor

extension Node: CustomStringConvertible {
  /// One line as torch prints it: name, what is called, what it reads, and what the recorded run has made.
  public var description: String {
    let list = arguments.map { $0.map { "%\($0.name)" } ?? "none" }.joined(separator: ", ")
    switch operation {
    case .placeholder: return "%\(name)\(shapes) = placeholder"
    case .getAttribute(let path): return "%\(name)\(shapes) = get_attr[\(path)]"
    case .callOperator: return "%\(name)\(shapes) = call_function[\(functionName ?? "")](\(list))"
    case .callModule(let path, _): return "%\(name)\(shapes) = call_module[\(path)](\(list))"
    case .output: return "return \(list)"
    }
  }

  private var shapes: String {
    specs.isEmpty
      ? "" : " : " + specs.map { "\($0.dtype.rawValue)\($0.shape)" }.joined(separator: ", ")
  }
}

extension Graph: CustomStringConvertible {
  /// A line for each node.
  public var description: String {
    "graph:\n" + nodes.map { "    \($0)" }.joined(separator: "\n")
  }
}
