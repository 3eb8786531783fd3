import OctetNN
import OctetTensor

/// Fuses groups of modules in place: the first of each group runs the fused module, the others give back their input.
/// torch.ao.quantization.fuse_modules.
///
/// Known sequences: conv + batch norm, conv + batch norm + ReLU, conv + ReLU (1-d to 3-d), linear + ReLU, linear + batch norm,
/// transposed conv + batch norm, batch norm + ReLU (2-d and 3-d).
/// Batch norms are folded into the weights, so the model must be in evaluation mode.
///
/// - Parameters:
///   - model: the model; its own properties keep their types.
///   - groups: dotted paths of the modules to fuse, in the order they run.
/// - Throws: `unsupportedModule` for a path that doesn't exist, a sequence that isn't known, or a model in training mode.
///   Nothing changes unless every group fits.
public func fuseModules(_ model: Module, _ groups: [[String]]) throws {
  var installs: [(handle: Module, successor: Module)] = []
  for group in groups {
    let handles = try group.map { path in
      guard let handle = model.submodule(path) else {
        throw OctetError(
          .unsupportedModule, operation: "fuse_modules", argument: "modules_to_fuse",
          expected: "the path of a module", received: "'\(path)'",
          fix:
            "the model has \(model.namedModules().dropFirst().map(\.path).joined(separator: ", "))")
      }
      return handle
    }
    let modules = handles.map(\.current)
    guard let pattern = Families.fusions.first(where: { matches($0.types, modules) }) else {
      throw OctetError(
        .unsupportedModule, operation: "fuse_modules", argument: "modules_to_fuse",
        expected: "a known sequence such as Conv2d, BatchNorm2d, ReLU",
        received: modules.map { "\(type(of: $0))" }.joined(separator: ", "))
    }
    if let training = zip(group, modules).first(where: { $1.isTraining }) {
      throw OctetError(
        .unsupportedModule, operation: "fuse_modules", argument: training.0,
        expected: "a model in evaluation mode", received: "a module in training mode",
        fix: "call model.eval() first", modulePath: training.0)
    }
    installs.append((handles[0], try pattern.fuse(modules)))
    installs += handles.dropFirst().map { ($0, Identity()) }
  }
  try install(installs, in: model)
}

private func matches(_ types: [Module.Type], _ modules: [Module]) -> Bool {
  types.count == modules.count && zip(types, modules).allSatisfy { $0 == type(of: $1) }
}
