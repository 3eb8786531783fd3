import OctetGraph
import OctetNN
import OctetQuantization
import OctetTensor

/// The workflows on captured graphs of whole models.
package enum PT2EWorkflow {
  /// One line per workflow.
  package static let all: [ParityOperation] = [
    ParityOperation("workflow.pt2e_static", run: runPrepared),
    ParityOperation("workflow.pt2e_dynamic", run: runPrepared),
    ParityOperation("workflow.pt2e_qat", run: runTraining),
  ]

  static func runPrepared(_ call: ParityCase) throws -> ParityOutputs {
    var run = try WorkflowRun(call)
    let model = run.model
    let example = try run.inputs("calib.0") ?? run.testInputs()
    let exported = try exportForTraining(model, exampleInputs: example) { model.compute($0) }
    let prepared = try preparePT2E(exported, quantizer(call.attributes.dictionary("quantizer")))
    run.root = prepared
    var step = 0
    while let batch = try run.inputs("calib.\(step)") {
      _ = try run.compute(batch)
      step += 1
    }
    notePrepared(prepared, &run)
    return try convert(prepared, &run)
  }

  private static func runTraining(_ call: ParityCase) throws -> ParityOutputs {
    var run = try WorkflowRun(call)
    let model = run.model
    model.train()
    guard let example = try run.inputs("train.0") else {
      throw WorkflowRun.malformed("in/train.0", "a training batch")
    }
    let exported = try exportForTraining(model, exampleInputs: example) { model.compute($0) }
    let prepared = try prepareQATPT2E(exported, quantizer(call.attributes.dictionary("quantizer")))
    run.root = prepared
    run.outputs.tensors["loss"] = try TrainingWorkflow.train(
      run, call.attributes.dictionary("qat"))
    moveExportedModelToEval(prepared)
    notePrepared(prepared, &run)
    disableObserver(prepared)
    run.outputs.tensors["qat_y"] = try run.compute(run.testInputs())
    return try convert(prepared, &run)
  }

  private static func convert(_ prepared: GraphModule, _ run: inout WorkflowRun) throws
    -> ParityOutputs
  {
    let attributes = run.call.attributes
    let converted = try convertPT2E(
      prepared,
      usesReferenceRepresentation: attributes.bool("use_reference_representation", default: false),
      foldQuantize: attributes.bool("fold_quantize", default: true))
    run.outputs.tensors["y"] = try run.compute(run.testInputs())
    try noteWeights(converted, &run)
    run.outputs.structure["functions"] = functions(converted)
    return run.outputs
  }

  // MARK: Notes

  /// The observers by the value that they watch, weights left out, and what they have calculated.
  private static func notePrepared(_ prepared: GraphModule, _ run: inout WorkflowRun) {
    var observers: [String: String] = [:]
    for node in prepared.graph.nodes {
      guard let observer = node.observer(in: prepared), let value = node.arguments[0],
        let name = name(of: value, in: prepared)
      else { continue }
      observers[name] = WorkflowStructure.kind(observer)
      run.note(observer, name)
    }
    run.outputs.structure["observers"] = .list(
      observers.sorted { $0.key < $1.key }.map { .list([.string($0.key), .string($0.value)]) })
  }

  /// The name that a case has for a value; nil for weights, and for those values inside of attention that no case compares.
  private static func name(of value: Value, in module: GraphModule) -> String? {
    if value.node.attributePath != nil { return nil }
    if value.node.observer(in: module) != nil {
      return value.node.arguments[0].flatMap { name(of: $0, in: module) }
    }
    let isInside = value.node.scopes.last?.type == ObjectIdentifier(MultiheadAttention.self)
    if isInside, value.node.functionName != "linear" { return nil }
    // A bag is the first of the results that torch's function has.
    if value.node.functionName == "embedding_bag" { return "\(value.name)[0]" }
    return value.name.replacing(":interpolate", with: ":upsample_nearest2d")
  }

  private static func functions(_ module: GraphModule) -> AttributeValue {
    let prefix = "quantized_decomposed."
    var counts: [String: Int] = [:]
    for node in module.graph.nodes {
      guard let name = node.functionName, name.hasPrefix(prefix) else { continue }
      counts[String(name.dropFirst(prefix.count)), default: 0] += 1
    }
    return .dictionary(counts.mapValues { .integer($0) })
  }

  /// Notes constants that are dequantized, by the name of what reads them.
  private static func noteWeights(_ module: GraphModule, _ run: inout WorkflowRun) throws {
    for node in module.graph.nodes {
      guard let op = node.op, let form = LoweredOperators.decomposed(op), !form.quantizes,
        let reader = node.users.first, let path = node.arguments.first??.node.attributePath,
        let integers = module[attribute: path]?.value
      else { continue }
      let further = node.arguments.dropFirst().compactMap {
        $0?.node.attributePath.flatMap { module[attribute: $0]?.value }
      }
      run.outputs.tensors["weight/\(reader.name)"] = try quantized(integers, form, further)
    }
  }

  /// Plain integers as a quantized tensor.
  private static func quantized(
    _ integers: Tensor, _ form: DecomposedForm, _ parameters: [Tensor]
  ) throws -> Tensor {
    let dtype: DType = form.dtype == .uint8 ? .quint8 : .qint8
    let quantizer = try quantizer(of: form, parameters, integers.shape, dtype)
    if dtype == .quint8 {
      return try Tensor(
        integers: integers.elements() as [UInt8], shape: integers.shape, dtype: dtype,
        quantizer: quantizer)
    }
    return try Tensor(
      integers: integers.elements() as [Int8], shape: integers.shape, dtype: dtype,
      quantizer: quantizer)
  }

  private static func quantizer(
    of form: DecomposedForm, _ parameters: [Tensor], _ shape: [Int], _ dtype: DType
  ) throws -> Quantizer {
    if let scale = form.scale, let zeroPoint = form.zeroPoint {
      return try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: dtype)
    }
    guard parameters.count == 2, let axis = form.axis else {
      throw WorkflowRun.malformed("weight", "scales and zero points")
    }
    let scales: [Float] = try parameters[0].elements()
    if parameters[1].dtype.isFloatingPoint {
      return try Quantizer(
        scales: scales, floatZeroPoints: parameters[1].elements(), axis: axis, shape: shape,
        dtype: dtype)
    }
    let zeros: [Int64] = try parameters[1].elements()
    return try Quantizer(
      scales: scales.map(Double.init), zeroPoints: zeros.map(Int.init), axis: axis, shape: shape,
      dtype: dtype)
  }

  // MARK: Configurations

  private static func quantizer(_ settings: ParityAttributes) throws -> any PT2EQuantizer {
    switch try settings.string("class") {
    case "XNNPACKQuantizer":
      var quantizer = XNNPACKQuantizer()
      if settings.has("global") {
        quantizer = try quantizer.setGlobal(symmetric(settings.dictionary("global")))
      }
      for (name, config) in try entries(settings, "module_type") {
        guard let family = Families.all.first(where: { "\($0.float)" == name }) else {
          throw WorkflowRun.malformed("module_type", "a layer, not \(name)")
        }
        quantizer = quantizer.setModuleType(family.float, try symmetric(config ?? settings))
      }
      for (name, config) in try entries(settings, "module_name") {
        quantizer = try quantizer.setModuleName(name, config.map(symmetric))
      }
      return quantizer
    case "X86InductorQuantizer":
      var quantizer = X86InductorQuantizer()
      if settings.has("global") {
        quantizer = try quantizer.setGlobal(x86Inductor(settings.dictionary("global")))
      }
      for (name, config) in try entries(settings, "module_name") {
        quantizer = try quantizer.setModuleName(name, config.map(x86Inductor))
      }
      return quantizer
    case "EmbeddingQuantizer": return EmbeddingQuantizer()
    case "ComposableQuantizer":
      return try ComposableQuantizer(
        settings.list("quantizers").map { entry in
          guard case .dictionary(let values) = entry else {
            throw WorkflowRun.malformed("quantizers", "objects")
          }
          return try quantizer(ParityAttributes(values, path: "quantizers"))
        })
    case let other: throw WorkflowRun.malformed("quantizer.class", "a quantizer, not \(other)")
    }
  }

  private static func symmetric(_ settings: ParityAttributes) throws -> QuantizationConfig {
    try .symmetric(
      isPerChannel: settings.bool("is_per_channel", default: false),
      isQAT: settings.bool("is_qat", default: false),
      isDynamic: settings.bool("is_dynamic", default: false))
  }

  private static func x86Inductor(_ settings: ParityAttributes) throws -> QuantizationConfig {
    try .x86Inductor(
      isQAT: settings.bool("is_qat", default: false),
      isDynamic: settings.bool("is_dynamic", default: false),
      reduceRange: settings.bool("reduce_range", default: false))
  }

  /// Names and configurations, nil where the case has null.
  private static func entries(_ settings: ParityAttributes, _ key: String) throws -> [(
    name: String, config: ParityAttributes?
  )] {
    guard settings.has(key) else { return [] }
    return try settings.list(key).map { entry in
      guard let pair = entry.listValue, pair.count == 2, let name = pair[0].stringValue else {
        throw WorkflowRun.malformed(key, "pairs of name and configuration")
      }
      guard case .dictionary(let values) = pair[1] else { return (name, nil) }
      return (name, ParityAttributes(values, path: key))
    }
  }
}
