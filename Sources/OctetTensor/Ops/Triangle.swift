/// Matrices with 0 above or below a diagonal. torch.tril and torch.triu.
struct Triangle: DifferentiableOperator {
  static let torchName = "tril"
  static let onnxName: String? = "Trilu"

  let isLower: Bool
  /// How far the diagonal lies above the main one.
  let diagonal: Int

  var name: String { isLower ? "tril" : "triu" }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    guard inputs[0].rank >= 2 else {
      throw error(
        .shapeMismatch, "input", expected: "shape [..., M, N]", received: "\(inputs[0].shape)")
    }
    try requireMovable(inputs[0], "input") { _ in true }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (m, n) = (output.shape[output.rank - 2], output.shape[output.rank - 1])
    let result = try inputs[0].clone(.contiguous)
    let zero = try StoredBits.of(0, output, operation: name)
    let width = output.dtype.bitWidth / 8
    if result.count == 0 { return result }
    for row in 0..<(result.count / n) {
      // Columns from here on lie above the diagonal.
      let (past, overflow) = (row % m).addingReportingOverflow(diagonal)
      let border = overflow ? (diagonal > 0 ? n : 0) : min(max(past + (isLower ? 1 : 0), 0), n)
      let gone = isLower ? border..<n : 0..<border
      Self.fill(
        result.baseAddress + (row * n + gone.lowerBound) * width, gone.count, width, zero)
    }
    return result
  }

  private static func fill(
    _ start: UnsafeMutableRawPointer, _ count: Int, _ width: Int, _ bits: UInt64
  ) {
    switch width {
    case 1: start.initializeMemory(as: UInt8.self, repeating: UInt8(bits & 0xFF), count: count)
    case 2: start.initializeMemory(as: UInt16.self, repeating: UInt16(bits & 0xFFFF), count: count)
    case 4:
      start.initializeMemory(
        as: UInt32.self, repeating: UInt32(truncatingIfNeeded: bits), count: count)
    default: start.initializeMemory(as: UInt64.self, repeating: bits, count: count)
    }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  var saved: SavedForBackward { [] }

  /// `dx` is the same triangle of `dy`.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try apply(self, [context.gradient])]
  }
}

extension Functional {
  /// The elements on and below a diagonal, 0 above it; any whole-byte dtype, per-tensor quantizers are kept. torch.tril.
  ///
  /// - Parameters:
  ///   - input: `[..., M, N]`.
  ///   - diagonal: 0 for the main one, 1 for the one above it.
  public static func tril(_ input: Tensor, diagonal: Int = 0) throws(OctetError) -> Tensor {
    try apply(Triangle(isLower: true, diagonal: diagonal), [input])
  }

  /// The elements on and above a diagonal, 0 below it, as `tril`. torch.triu.
  public static func triu(_ input: Tensor, diagonal: Int = 0) throws(OctetError) -> Tensor {
    try apply(Triangle(isLower: false, diagonal: diagonal), [input])
  }
}

extension Tensor {
  /// `Functional.tril`, trapping on mistakes.
  public func tril(diagonal: Int = 0) -> Tensor {
    eager { try Functional.tril(self, diagonal: diagonal) }
  }

  /// `Functional.triu`, trapping on mistakes.
  public func triu(diagonal: Int = 0) -> Tensor {
    eager { try Functional.triu(self, diagonal: diagonal) }
  }
}
