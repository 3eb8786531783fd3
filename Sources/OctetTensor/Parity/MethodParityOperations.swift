extension TensorParityOperations {
  /// Tensor methods that view, copy, compare or describe.
  static let methodOperations: [ParityOperation] = [
    .single("Tensor.view") { try $0.input("self").view($0.attributes.ints("size")) },
    .single("Tensor.reshape") { try $0.input("self").reshaped($0.attributes.ints("shape")) },
    .single("Tensor.as_strided", asStrided),
    .single("Tensor.expand") { try $0.input("self").expanded($0.attributes.ints("sizes")) },
    .single("Tensor.flatten", flatten),
    .single("Tensor.select") {
      try $0.input("self").select(dim: $0.attributes.int("dim"), index: $0.attributes.int("index"))
    },
    .single("Tensor.slice", slice),
    .single("Tensor.permute") { try $0.input("self").permuted($0.attributes.ints("args")) },
    .single("Tensor.transpose") {
      try $0.input("self").transposed(argument(0, of: $0), argument(1, of: $0))
    },
    .single("Tensor.squeeze") { try $0.input("self").squeezed(argument(0, of: $0)) },
    .single("Tensor.unsqueeze") { try $0.input("self").unsqueezed(argument(0, of: $0)) },
    .single("Tensor.flip", flip),
    .single("Tensor.repeat") {
      try Functional.tile($0.input("self"), counts: $0.attributes.ints("args"))
    },
    .single("Tensor.index_select") {
      try Functional.indexSelect(
        $0.input("self"), dim: argument(0, of: $0), index: $0.input("index"))
    },
    .single("Tensor.eq") { try Functional.equalElements($0.input("self"), other($0)) },
    .single("Tensor.ne") { try Functional.unequalElements($0.input("self"), other($0)) },
    .single("Tensor.lt") { try Functional.less($0.input("self"), other($0)) },
    .single("Tensor.le") { try Functional.lessOrEqual($0.input("self"), other($0)) },
    .single("Tensor.gt") { try Functional.greater($0.input("self"), other($0)) },
    .single("Tensor.ge") { try Functional.greaterOrEqual($0.input("self"), other($0)) },
    .single("Tensor.equal") {
      Tensor(scalar: try $0.input("self").equal($0.input("other")))
    },
    .single("Tensor.copy_", copy),
    .single("Tensor.resize_", resize),
    .single("Tensor.clone") { try $0.input("self").clone() },
    .single("Tensor.dequantize") { try $0.input("self").dequantized() },
    .single("Tensor.int_repr") { try $0.input("self").integerRepresentation() },
    .single("Tensor.q_scale") { Tensor(scalar: try $0.input("self").qScale()) },
    .single("Tensor.q_zero_point") { Tensor(scalar: Int64(try $0.input("self").qZeroPoint())) },
    .single("Tensor.q_per_channel_scales") { try $0.input("self").qPerChannelScales() },
    .single("Tensor.q_per_channel_zero_points") { try $0.input("self").qPerChannelZeroPoints() },
    .single("Tensor.q_per_channel_axis") {
      Tensor(scalar: Int64(try $0.input("self").qPerChannelAxis()))
    },
  ]

  private static func argument(_ index: Int, of call: ParityCase) throws(OctetError) -> Int {
    let arguments = try call.attributes.ints("args")
    guard arguments.indices.contains(index) else {
      throw OctetError(
        .invalidConfiguration, operation: ParityAttributes.operation, argument: "attrs.args",
        expected: "at least \(index + 1) arguments", received: "\(arguments.count)")
    }
    return arguments[index]
  }

  private static func asStrided(_ call: ParityCase) throws(OctetError) -> Tensor {
    try call.input("self").asStrided(
      call.attributes.ints("size"), strides: call.attributes.ints("stride"),
      offset: call.attributes.optionalInt("storage_offset"))
  }

  private static func flatten(_ call: ParityCase) throws(OctetError) -> Tensor {
    try call.input("self").flattened(
      from: call.attributes.int("start_dim", default: 0),
      through: call.attributes.int("end_dim", default: -1))
  }

  /// Python's rule: negative ends count from the back, and what lies outside is left out.
  private static func slice(_ call: ParityCase) throws(OctetError) -> Tensor {
    let tensor = try call.input("self")
    let dim = try call.attributes.int("dim")
    let size = Shapes.normalize(axis: dim, rank: tensor.rank).map { tensor.shape[$0] } ?? 0
    func bound(_ value: Int) -> Int { min(max(value < 0 ? value + size : value, 0), size) }
    let start = bound(try call.attributes.int("start", default: 0))
    let end = bound(try call.attributes.int("end", default: size))
    return try tensor.slice(
      dim: dim, start..<max(start, end), step: call.attributes.int("step", default: 1))
  }

  /// The dims are one argument, a list, or an argument each.
  private static func flip(_ call: ParityCase) throws(OctetError) -> Tensor {
    let arguments = try call.attributes.list("args")
    let dims = (arguments.first?.listValue ?? arguments).compactMap(\.intValue)
    return try Functional.flip(call.input("self"), dims: dims)
  }

  private static func other(_ call: ParityCase) throws(OctetError) -> Tensor {
    if let tensor = try call.optionalInput("other") { return tensor }
    return Tensor(scalar: Float(try call.attributes.double("other")))
  }

  private static func copy(_ call: ParityCase) throws(OctetError) -> Tensor {
    let tensor = try call.input("self").clone()
    try tensor.copy(from: call.input("src"))
    return tensor
  }

  private static func resize(_ call: ParityCase) throws(OctetError) -> Tensor {
    let tensor = try call.input("self").clone()
    try tensor.resize(call.attributes.ints("sizes"))
    return tensor
  }
}
