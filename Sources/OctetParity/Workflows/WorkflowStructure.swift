import OctetNN
import OctetQuantization
import OctetTensor

/// What a model looks like in a case's words: paths and kinds.
enum WorkflowStructure {
  /// Every submodule with its kind, by path; containers are entered, everything else is a leaf. Observers stand under
  /// `activation_post_process`.
  static func list(_ model: Module) -> AttributeValue {
    var entries: [(path: String, kind: String)] = []
    collect(model, "", into: &entries)
    return .list(
      entries.sorted { $0.path < $1.path }.map { .list([.string($0.path), .string($0.kind)]) })
  }

  private static func collect(
    _ module: Module, _ prefix: String, into entries: inout [(path: String, kind: String)]
  ) {
    for (name, child) in module.children {
      let path = prefix + name
      let kind = self.kind(child.current)
      entries.append((path, kind))
      if let observer = child.activationPostProcess {
        entries.append(("\(path).activation_post_process", self.kind(observer)))
      }
      if let trained = child.current as? any TrainingForm {
        entries.append(("\(path).weight_fake_quant", self.kind(trained.weightFakeQuant)))
      }
      if kind == "Container" { collect(child, path + ".", into: &entries) }
    }
  }

  /// Every handle below a model by path, containers entered.
  static func handles(_ model: Module, _ prefix: String = "") -> [(path: String, module: Module)] {
    model.children.flatMap { name, child in
      let path = prefix + name
      let below = kind(child.current) == "Container" ? handles(child, path + ".") : []
      return [(path, child)] + below
    }
  }

  /// A module's kind: its type with the namespace, as the cases spell it.
  static func kind(_ module: Module) -> String {
    let parts = String(reflecting: type(of: module)).split(separator: ".").map(String.init)
    guard let target = parts.first, let name = parts.last else { return "" }
    if target == "OctetParity" || module is Sequential || module is QuantWrapper {
      return "Container"
    }
    if module is FakeQuantizeBase { return "FakeQuantize.\(name)" }
    if module is Observer { return "Observer.\(name)" }
    guard parts.count > 2 else { return name }
    let space = parts[1]
    if space == "QAT" {
      let isNested = parts.count > 3
      return "QAT.\(isNested ? "\(parts[2])." : isFused(name) ? "Fused." : "")\(name)"
    }
    return isFused(name) && space != "Fused" ? "\(space)Fused.\(name)" : "\(space).\(name)"
  }

  /// True for the names that torch keeps under `nn.intrinsic`.
  private static func isFused(_ name: String) -> Bool {
    [
      "ConvReLU", "ConvBn", "ConvAdd", "LinearReLU", "LinearBn", "LinearLeakyReLU", "LinearTanh",
      "BNReLU",
    ]
    .contains { name.hasPrefix($0) }
  }
}
