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
  try fuse(model, groups, operation: "fuse_modules") { pattern, modules, group in
    if let training = zip(group, modules).first(where: { $1.isTraining }) {
      throw OctetError(
        .unsupportedModule, operation: "fuse_modules", argument: training.0,
        expected: "a model in evaluation mode", received: "a module in training mode",
        fix: "call model.eval() first, or fuseModulesQAT to train on", modulePath: training.0)
    }
    return try pattern.fuse(modules)
  }
}

/// Fuses groups of modules that are to train on: batch norms stay, and are folded when the trained model is converted. A group in
/// evaluation mode is fused as `fuseModules` does. torch.ao.quantization.fuse_modules_qat.
///
/// - Parameters:
///   - model: the model; its own properties keep their types.
///   - groups: dotted paths of the modules to fuse, in the order they run.
/// - Throws: `unsupportedModule` for a path that doesn't exist, a sequence that isn't known or can't be trained (transposed conv +
///   batch norm), or a group of two modes. Nothing changes unless every group fits.
public func fuseModulesQAT(_ model: Module, _ groups: [[String]]) throws {
  try fuse(model, groups, operation: "fuse_modules_qat") { pattern, modules, group in
    let training = modules.filter(\.isTraining).count
    if training == 0 { return try pattern.fuse(modules) }
    guard training == modules.count else {
      throw OctetError(
        .unsupportedModule, operation: "fuse_modules_qat", argument: "modules_to_fuse",
        expected: "modules that are all in training or all in evaluation mode",
        received: "\(group.joined(separator: ", ")) in both",
        fix: "call train() or eval() on the model")
    }
    guard let fuseForTraining = pattern.fuseForTraining else {
      throw OctetError(
        .unsupportedModule, operation: "fuse_modules_qat", argument: "modules_to_fuse",
        expected: "a sequence that can be trained as one",
        received: modules.map { "\(type(of: $0))" }.joined(separator: ", "),
        fix: "leave it out, or fold it in evaluation mode")
    }
    return try fuseForTraining(modules)
  }
}

private func fuse(
  _ model: Module, _ groups: [[String]], operation: String,
  _ make: (FusionPattern, [Module], [String]) throws -> Module
) throws {
  var installs: [(handle: Module, successor: Module)] = []
  for group in groups {
    let handles = try group.map { path in
      guard let handle = model.submodule(path) else {
        throw OctetError(
          .unsupportedModule, operation: operation, argument: "modules_to_fuse",
          expected: "the path of a module", received: "'\(path)'",
          fix:
            "the model has \(model.namedModules().dropFirst().map(\.path).joined(separator: ", "))")
      }
      return handle
    }
    let modules = handles.map(\.current)
    guard let pattern = Families.fusions.first(where: { matches($0.types, modules) }) else {
      throw OctetError(
        .unsupportedModule, operation: operation, argument: "modules_to_fuse",
        expected: "a known sequence such as Conv2d, BatchNorm2d, ReLU",
        received: modules.map { "\(type(of: $0))" }.joined(separator: ", "))
    }
    installs.append((handles[0], try make(pattern, modules, group)))
    installs += handles.dropFirst().map { ($0, Identity()) }
  }
  try install(installs, in: model)
}

private func matches(_ types: [Module.Type], _ modules: [Module]) -> Bool {
  types.count == modules.count && zip(types, modules).allSatisfy { $0 == type(of: $1) }
}
