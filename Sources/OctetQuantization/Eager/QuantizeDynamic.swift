import OctetNN
import OctetTensor

/// Replaces modules by forms that quantize their input at run time, in place; no calibration is needed.
/// torch.ao.quantization.quantize_dynamic.
///
/// - Parameters:
///   - model: the model.
///   - qconfig: for every linear and recurrent module; convolutions, whose dynamic form clamps the output to the input's range,
///     embeddings and attention, which torch leaves real, only when named.
///   - configurations: configurations by dotted path, instead of `qconfig`; only these modules are replaced.
/// - Throws: `unsupportedModule` for a path that doesn't exist or has no dynamic form. Nothing changes unless all fit.
public func quantizeDynamic(
  _ model: Module, qconfig: QConfig = .defaultDynamic, only configurations: [String: QConfig]? = nil
) throws {
  for path in (configurations ?? [:]).keys.sorted() {
    guard let handle = model.submodule(path), Families.family(of: handle.current)?.dynamic != nil
    else {
      throw OctetError(
        .unsupportedModule, operation: "quantize_dynamic", argument: "qconfig_spec",
        expected: "the path of a module with a dynamic form", received: "'\(path)'")
    }
  }
  try replace(model) { path, module in
    if let configurations { return configurations[path] }
    return isTable(module) || isConvolution(module) || module is AttentionModule ? nil : qconfig
  }
}

/// The same for modules of some types, the ones that `quantizeDynamic` leaves alone by itself included: torch's `qconfig_spec` as a
/// set of types.
///
/// Attention is one of them. Its dynamic form makes queries, keys and values in one product of integers and keeps scores real; a whole
/// transformer takes `[Linear.self, MultiheadAttention.self]`.
///
/// - Parameters:
///   - model: the model.
///   - types: float types that have a dynamic form.
///   - qconfig: for all of them.
/// - Throws: `unsupportedModule` for a type without a dynamic form. Nothing changes unless all fit.
public func quantizeDynamic(
  _ model: Module, types: [Module.Type], qconfig: QConfig = .defaultDynamic
) throws {
  for type in types where !Families.all.contains(where: { $0.float == type && $0.dynamic != nil }) {
    throw OctetError(
      .unsupportedModule, operation: "quantize_dynamic", argument: "qconfig_spec",
      expected: "types of modules with a dynamic form", received: "\(type)")
  }
  try replace(model) { _, module in
    types.contains { $0 == type(of: module) } ? qconfig : nil
  }
}

/// The same for a type of weights: qint8 and float16 take linear and recurrent modules, quint8 embeddings and their bags, quint4x2
/// bags. torch's `dtype`.
///
/// - Throws: `invalidConfiguration` for other types.
public func quantizeDynamic(_ model: Module, dtype: DType) throws {
  switch dtype {
  case .quint8: try replace(model) { isTable($1) ? .floatQParamsWeightOnly : nil }
  case .quint4x2:
    try replace(model) { $1 is EmbeddingBag ? .floatQParamsWeightOnly4Bit : nil }
  default: try quantizeDynamic(model, qconfig: .dynamic(dtype))
  }
}

extension QConfig {
  /// The configuration that linear and recurrent modules take for a type of weights.
  ///
  /// - Throws: `invalidConfiguration` for other types.
  package static func dynamic(_ dtype: DType) throws(OctetError) -> QConfig {
    switch dtype {
    case .qint8: return .defaultDynamic
    case .float16: return .float16Dynamic
    default:
      throw OctetError(
        .invalidConfiguration, operation: "quantize_dynamic", argument: "dtype",
        expected: "qint8 or float16 (quint8 or quint4x2 for embeddings)",
        received: dtype.rawValue, fix: "pass a configuration for modules with other weights")
    }
  }
}

private func isTable(_ module: Module) -> Bool { module is Embedding || module is EmbeddingBag }

private func isConvolution(_ module: Module) -> Bool {
  module is Convolution || module is TransposedConvolution
}

/// Installs the dynamic form of every module that `choose` gives a configuration.
private func replace(_ model: Module, _ choose: (String, Module) -> QConfig?) throws {
  var installs: [(handle: Module, successor: Module)] = []
  func visit(_ handle: Module, _ path: String) throws {
    let module = handle.current
    let family = Families.family(of: module)
    if family?.isFused != true {
      for (name, child) in handle.children {
        try visit(child, path.isEmpty ? name : "\(path).\(name)")
      }
    }
    guard let form = family?.dynamic, let qconfig = choose(path, module) else { return }
    let context = ConversionContext(
      qconfig: qconfig, activation: nil, operation: "quantize_dynamic")
    installs.append((handle, try form(module, context)))
  }
  try visit(model, "")
  try install(installs, in: model)
}
