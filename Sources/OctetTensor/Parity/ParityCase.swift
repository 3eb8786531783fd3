/// One call that an oracle has answered: an operation's name, its attributes, inputs and module state.
package struct ParityCase: Sendable {
  /// What to run, in torch's spelling.
  package let operation: String
  /// Constructor and call arguments.
  package let attributes: ParityAttributes
  /// Tensors under `in/`, contiguous; lists count up (`batch.0`, `batch.1`).
  package let inputs: [String: Tensor]
  /// Tensors under `state/`: a module's parameters and buffers under torch's keys.
  package let state: [String: Tensor]

  /// A case from its parts.
  package init(
    operation: String, attributes: ParityAttributes, inputs: [String: Tensor],
    state: [String: Tensor] = [:]
  ) {
    self.operation = operation
    self.attributes = attributes
    self.inputs = inputs
    self.state = state
  }
}

extension ParityCase {
  /// An input in the memory format that the case asks for, nil when there is none of that name.
  package func optionalInput(_ name: String) throws(OctetError) -> Tensor? {
    guard let tensor = inputs[name] else { return nil }
    guard let format = try format(of: name) else { return tensor }
    switch format {
    case "contiguous_format": return tensor
    case "channels_last", "channels_last_3d": return try tensor.clone(.channelsLast)
    case "strided": return try Self.strided(tensor)
    default:
      throw OctetError(
        .invalidConfiguration, operation: ParityAttributes.operation,
        argument: "attrs.memory_format.\(name)",
        expected: "contiguous_format, channels_last, channels_last_3d or strided",
        received: format)
    }
  }

  /// An input in the memory format that the case asks for.
  package func input(_ name: String = "input") throws(OctetError) -> Tensor {
    guard let tensor = try optionalInput(name) else {
      throw missing("in/\(name)", among: inputs)
    }
    return tensor
  }

  /// True when the input is a list: `name.0`, `name.1`, …
  package func isList(_ name: String = "input") -> Bool { inputs["\(name).0"] != nil }

  /// The inputs `name.0`, `name.1`, … up to the first that is missing.
  package func inputs(_ name: String) throws(OctetError) -> [Tensor] {
    var list: [Tensor] = []
    while let next = try optionalInput("\(name).\(list.count)") { list.append(next) }
    return list
  }

  /// A state entry, nil when there is none under that key.
  package func optionalState(_ key: String) -> Tensor? { state[key] }

  /// A state entry.
  package func state(_ key: String) throws(OctetError) -> Tensor {
    guard let tensor = state[key] else { throw missing("state/\(key)", among: state) }
    return tensor
  }

  /// What the case does between two batches: the names under `toggles` for a step.
  package func toggles(before step: Int) throws(OctetError) -> [String] {
    try attributes.optionalDictionary("toggles")?.optionalStrings("\(step)") ?? []
  }

  /// Calls `body` on the batches of an input list in their order, with the toggles that come before each.
  package func forEachBatch(
    _ name: String = "batch", _ body: (_ batch: Tensor, _ toggles: [String]) throws -> Void
  ) throws {
    for (step, batch) in try inputs(name).enumerated() { try body(batch, toggles(before: step)) }
  }

  private func format(of name: String) throws(OctetError) -> String? {
    let formats = try attributes.optionalDictionary("memory_format")
    return try formats?.optionalString(name)
  }

  /// The same values as every second element along the last dimension of a wider tensor.
  private static func strided(_ tensor: Tensor) throws(OctetError) -> Tensor {
    guard let last = tensor.shape.last, tensor.dtype.bitWidth >= 8 else { return tensor }
    var wide = tensor.shape
    wide[wide.count - 1] = 2 * last
    let host = try Tensor(uninitialized: wide, dtype: tensor.dtype.storageDType)
    // What lies between is never read; these bytes are easy to recognize in a result.
    host.storage.bytes.initializeMemory(
      as: UInt8.self, repeating: 0xA5, count: host.storage.byteCount)
    var strides = host.strides
    strides[strides.count - 1] = 2
    let view = Tensor(
      storage: host.storage, offset: 0, shape: tensor.shape, strides: strides, dtype: tensor.dtype,
      quantizer: tensor.quantizer)
    try view.copyElements(from: tensor)
    return view
  }

  private func missing(_ name: String, among tensors: [String: Tensor]) -> OctetError {
    OctetError(
      .invalidConfiguration, operation: ParityAttributes.operation, argument: name,
      expected: "the tensor",
      received: tensors.isEmpty ? "none" : tensors.keys.sorted().joined(separator: ", "))
  }
}
