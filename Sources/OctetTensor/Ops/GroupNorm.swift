/// Groups of channels of each image by their own mean and variance; as many groups as channels are instance norm.
/// torch.nn.functional.group_norm and instance_norm.
struct GroupNorm: DifferentiableOperator {
  static let torchName = "group_norm"
  static let onnxName: String? = "GroupNormalization"
  static var widensHalf: Bool { true }

  /// nil: one per channel.
  let groups: Int?
  let parameters: NormParameters

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    let least = groups == nil ? 3 : 2
    guard x.rank >= least else {
      throw OctetError(
        .shapeMismatch, operation: parameters.name, argument: "input",
        expected: "at least \(least) dimensions [N, C, ...]", received: "shape \(x.shape)")
    }
    if let groups {
      guard groups > 0, x.shape[1] % groups == 0 else {
        throw OctetError(
          .invalidArgument, operation: parameters.name, argument: "num_groups",
          expected: "a number of groups that divides the \(x.shape[1]) channels",
          received: "\(groups)")
      }
    }
    return try parameters.outputSpec(self, inputs, affineShape: [x.shape[1]])
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let channels = output.shape[1]
    let inner = output.shape[2...].reduce(1, *)
    let each = channels / max(groups ?? channels, 1)
    let (gamma, beta) = try parameters.values(inputs)
    try normalizeRows(
      inputs[0].contiguous(), length: each * inner, epsilon: parameters.epsilon, into: result
    ) { row, y in
      for k in 0..<each {
        let c = (row * each + k) % channels
        if let gamma { for i in k * inner..<(k + 1) * inner { y[i] *= gamma[c] } }
        if let beta { for i in k * inner..<(k + 1) * inner { y[i] += beta[c] } }
      }
    }
    return result
  }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let shape = context.inputSpecs[0].shape
    let (channels, inner) = (shape[1], shape[2...].reduce(1, *))
    let length = channels / max(groups ?? channels, 1) * inner
    let affine = parameters.hasWeight || parameters.hasBias
    return try RowNormGradient(parameters: parameters, length: length) {
      affine ? $0 / inner % channels : 0
    }(context)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (gamma, beta) = try parameters.values(inputs)
    let y = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer)
    try Kernel.groupNorm(
      Kernel.Normalization(
        x: inputs[0].contiguous(), y: y, epsilon: parameters.epsilon, gamma: gamma, beta: beta,
        operation: parameters.name), groups: max(groups ?? output.shape[1], 1))
    return inputs[0].preferredFormat == .contiguous ? y : try y.contiguous(.channelsLast)
  }
}

extension Functional {
  /// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, statistics over each image's groups of channels, in float32.
  /// torch.nn.functional.group_norm.
  ///
  /// - Parameters:
  ///   - input: float32 `[N, C, ...]`.
  ///   - groups: divides C.
  ///   - weight: γ `[C]`, 1 when nil; `bias` likewise, 0 when nil.
  public static func groupNorm(
    _ input: Tensor, groups: Int, weight: Tensor? = nil, bias: Tensor? = nil,
    epsilon: Double = 1e-5
  ) throws(OctetError) -> Tensor {
    try groupNorm(input, groups, weight, bias, epsilon, "group_norm", nil)
  }

  /// `groupNorm` with a group for each channel; at least three dimensions. torch.nn.functional.instance_norm without running
  /// statistics.
  public static func instanceNorm(
    _ input: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
  ) throws(OctetError) -> Tensor {
    try groupNorm(input, nil, weight, bias, epsilon, "instance_norm", nil)
  }

  /// Group norm of integers: `quantizedLayerNorm`'s statistics over each image's groups of channels, and
  /// `clamp(zo + rint((((q - zx) - (mean - zx)) * (r * weight[c]) + bias[c]) * (1 / so)))`. torch's quantized::group_norm.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 per tensor, `[N, C, ...]`.
  ///   - groups: divides C.
  ///   - weight: float32 `[C]`, 1 when nil; `bias` likewise, 0 when nil.
  ///   - scale: the result's; `zeroPoint` as well. The element type is the input's.
  public static func quantizedGroupNorm(
    _ input: Tensor, groups: Int, weight: Tensor? = nil, bias: Tensor? = nil,
    epsilon: Double = 1e-5, scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try groupNorm(
      input, groups, weight, bias, epsilon, "quantized::group_norm",
      NormOutput(scale: scale, zeroPoint: zeroPoint))
  }

  /// `quantizedGroupNorm` with a group for each channel; at least three dimensions. torch's quantized::instance_norm.
  public static func quantizedInstanceNorm(
    _ input: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5,
    scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try groupNorm(
      input, nil, weight, bias, epsilon, "quantized::instance_norm",
      NormOutput(scale: scale, zeroPoint: zeroPoint))
  }

  private static func groupNorm(
    _ input: Tensor, _ groups: Int?, _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double,
    _ name: String, _ output: NormOutput?
  ) throws(OctetError) -> Tensor {
    let parameters = NormParameters(
      name: name, epsilon: epsilon, hasWeight: weight != nil, hasBias: bias != nil, output: output)
    return try apply(
      GroupNorm(groups: groups, parameters: parameters),
      [input] + [weight, bias].compactMap { $0 })
  }
}
