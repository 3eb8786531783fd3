import OctetNN
import OctetTensor

/// qint8 weights of a convolution module, a float32 bias and what stands around its input: the first two are a part of its state.
final class ConvolutionWeights: StateGroup {
  private(set) var packed: PackedConvolution
  private let border: ConvolutionBorder
  let operation: String

  /// Weights `[O, C/groups, kernel...]` with `rank` kernel dimensions, in a border that torch's modules take: zeros, or the input's
  /// mirror image in one and two dimensions.
  convenience init(
    rank: Int, weight: Tensor, bias: Tensor?, stride: [Int], padding: [Int], dilation: [Int],
    groups: Int, paddingMode: PaddingMode = .zeros, operation: String
  ) throws {
    guard paddingMode == .zeros || (paddingMode == .reflect && rank < 3) else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "padding_mode",
        expected: rank < 3 ? "zeros or reflect" : "zeros for three dimensions",
        received: paddingMode.convolutionWord, fix: "pad the input before this layer")
    }
    try self.init(
      rank: rank, weight: weight, bias: bias, stride: stride, dilation: dilation, groups: groups,
      border: ConvolutionBorder(padding, mode: paddingMode), operation: operation)
  }

  /// The integer form of a float layer's geometry, in any border.
  convenience init(
    _ float: OctetNN.Convolution, weight: Tensor, operation: String
  ) throws {
    try self.init(
      rank: float.kernelSize.count, weight: weight, bias: float.bias?.value, stride: float.stride,
      dilation: float.dilation, groups: float.groups, border: float.border, operation: operation)
  }

  private init(
    rank: Int, weight: Tensor, bias: Tensor?, stride: [Int], dilation: [Int], groups: Int,
    border: ConvolutionBorder, operation: String
  ) throws {
    try requireInt8(weight, operation)
    try Self.require(rank: rank, weight, "[O, C/groups, kernel...]", operation)
    packed = try PackedConvolution(
      weight: weight, bias: bias, stride: stride, padding: border.inner, dilation: dilation,
      groups: groups, operation: operation)
    self.border = border
    self.operation = operation
  }

  /// Weights `[C, O/groups, kernel...]` of a transposed convolution with `rank` kernel dimensions.
  init(
    rank: Int, transposed weight: Tensor, bias: Tensor?, stride: [Int], padding: [Int],
    outputPadding: [Int], dilation: [Int], groups: Int, operation: String
  ) throws {
    try requireInt8(weight, operation)
    try Self.require(rank: rank, weight, "[C, O/groups, kernel...]", operation)
    packed = try PackedConvolution(
      transposed: weight, bias: bias, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, operation: operation)
    border = ConvolutionBorder(padding)
    self.operation = operation
  }

  private init(like other: ConvolutionWeights) {
    packed = other.packed
    border = other.border
    operation = other.operation
  }

  /// Weights that change on their own.
  func copy() -> ConvolutionWeights { ConvolutionWeights(like: self) }

  private static func require(
    rank: Int, _ weight: Tensor, _ shape: String, _ operation: String
  ) throws {
    guard weight.rank == rank + 2 else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "weight",
        expected: "\(rank + 2) dimensions \(shape)", received: "shape \(weight.shape)")
    }
  }

  /// Convolves `input`, padded as the mode says.
  func convolve(_ input: Tensor, result: QuantizedResult) throws -> Tensor {
    return try Functional.quantizedConvolution(border.padded(input), packed, result: result)
  }

  var entries: [(name: String, tensor: Tensor)] {
    [("weight", packed.weight)] + (packed.bias.map { [("bias", $0)] } ?? [])
  }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    let weight = state["weight"] ?? packed.weight
    try requireInt8(weight, operation)
    let loaded = try packed.with(
      weight: weight, bias: state["bias"] ?? packed.bias, operation: operation)
    if !isTrial { packed = loaded }
  }

  func releaseCache() { packed.releaseCache() }

  /// Channels and geometry for printing.
  var details: String {
    let (shape, window) = (packed.shape, packed.shape.window)
    return "\(shape.inChannels), \(shape.outChannels), kernelSize: \(window.kernel), "
      + "stride: \(window.stride), padding: \(border.before), "
      + (shape.outputPadding.map { "outputPadding: \($0), " } ?? "")
      + "dilation: \(window.dilation), groups: \(shape.groups)"
      + border.details
  }
}

/// Refuses weights that aren't qint8: the only type that torch's modules pack.
func requireInt8(_ weight: Tensor, _ operation: String) throws(OctetError) {
  guard weight.dtype == .qint8 else {
    throw OctetError(
      weight.isQuantized ? .dtypeMismatch : .quantizationMismatch, operation: operation,
      argument: "weight", expected: "a quantized weight of dtype qint8",
      received: "dtype \(weight.dtype.rawValue)", fix: "quantize the float weight to qint8")
  }
}
