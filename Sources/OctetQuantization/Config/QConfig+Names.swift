import OctetTensor

extension QConfig {
  /// Every configuration that has a name in torch.ao.quantization.qconfig.
  private static let table: [String: QConfig] = [
    "default_qconfig": .default,
    "default_debug_qconfig": .defaultDebug,
    "default_per_channel_qconfig": .defaultPerChannel,
    "default_dynamic_qconfig": .defaultDynamic,
    "float16_dynamic_qconfig": .float16Dynamic,
    "float16_static_qconfig": .float16Static,
    "per_channel_dynamic_qconfig": .perChannelDynamic,
    "float_qparams_weight_only_qconfig": .floatQParamsWeightOnly,
    "float_qparams_weight_only_qconfig_4bit": .floatQParamsWeightOnly4Bit,
    "default_reuse_input_qconfig": .defaultReuseInput,
    "default_quint8_weight_qconfig": .defaultQuint8Weight,
    "default_symmetric_qnnpack_qconfig": .defaultSymmetricQNNPACK,
    "default_per_channel_symmetric_qnnpack_qconfig": .defaultPerChannelSymmetricQNNPACK,
    "default_qat_qconfig": .defaultQAT,
    "default_qat_qconfig_v2": .defaultQATv2,
    "default_dynamic_qat_qconfig": .defaultDynamicQAT,
    "default_weight_only_qconfig": .defaultWeightOnly,
    "default_activation_only_qconfig": .defaultActivationOnly,
    "default_embedding_qat_qconfig": .defaultEmbeddingQAT,
    "default_embedding_qat_qconfig_4bit": .defaultEmbeddingQAT4Bit,
    "default_symmetric_qnnpack_qat_qconfig": .defaultSymmetricQNNPACKQAT,
    "default_per_channel_symmetric_qnnpack_qat_qconfig": .defaultPerChannelSymmetricQNNPACKQAT,
  ]

  /// The names that `named` knows besides those of backends, in order.
  public static var names: [String] { table.keys.sorted() }

  /// A configuration by its name: one of torch's (`default_qconfig`, ...), a backend's (`fbgemm`), or a call with its
  /// arguments (`get_default_qconfig:fbgemm:0`, `get_default_qat_qconfig:x86:1`).
  ///
  /// - Throws: `invalidConfiguration` when there is none of that name.
  public static func named(_ name: String) throws(OctetError) -> QConfig {
    if let found = table[name] { return found }
    if let backend = Backend(rawValue: name) { return try getDefaultQConfig(backend: backend) }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 3, let version = Int(parts[2]) {
      switch parts[0] {
      case "get_default_qconfig":
        return try getDefaultQConfig(backend: Backend(named: parts[1]), version: version)
      case "get_default_qat_qconfig":
        return try getDefaultQATQConfig(backend: Backend(named: parts[1]), version: version)
      default: break
      }
    }
    throw OctetError(
      .invalidConfiguration, operation: "qconfig", argument: "name",
      expected:
        "a backend (\(Backend.allCases.map(\.rawValue).joined(separator: ", "))), or one of "
        + names.joined(separator: ", "),
      received: "'\(name)'")
  }
}
