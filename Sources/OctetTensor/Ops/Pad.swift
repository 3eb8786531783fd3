/// What stands in the border that padding adds.
public enum PaddingMode: Sendable, Equatable {
  /// One value; the zero point for 0 in quantized tensors.
  case constant(Double)
  /// The mirror image, the edge itself not repeated.
  case reflect
  /// The edge.
  case replicate
  /// The other end.
  case circular

  /// torch's word.
  var torchName: String {
    switch self {
    case .constant: "constant"
    case .reflect: "reflect"
    case .replicate: "replicate"
    case .circular: "circular"
    }
  }
}

/// The last dimensions extended at both ends. torch.nn.functional.pad.
struct Pad: DifferentiableOperator {
  static let torchName = "pad"
  static let onnxName: String? = "Pad"

  /// Elements that come in front of and behind each of the last dimensions.
  let before: [Int]
  let after: [Int]
  let mode: PaddingMode

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    var spec = inputs[0]
    guard before.count == after.count, before.count <= spec.rank else {
      throw error(
        .shapeMismatch, "pad", expected: "two numbers for each of at most \(spec.rank) dims",
        received: "\(before) and \(after) for shape \(spec.shape)")
    }
    let first = spec.rank - before.count
    try requireMovable(spec, "input") {
      $0 >= first && (before[$0 - first], after[$0 - first]) != (0, 0)
    }
    for (i, d) in (first..<spec.rank).enumerated() {
      guard let length = length(spec.shape[d], before[i], after[i]) else {
        throw error(
          .invalidArgument, "pad", expected: expectation(spec.shape[d], dim: d),
          received: "\(before[i]) and \(after[i])")
      }
      spec.shape[d] = length
    }
    return spec
  }

  /// The extended size, nil when the mode can't give it.
  private func length(_ size: Int, _ before: Int, _ after: Int) -> Int? {
    let (sum, overflow) = before.addingReportingOverflow(after)
    let (length, carry) = sum.addingReportingOverflow(size)
    if overflow || carry || length < 0 { return nil }
    let allowed: ClosedRange<Int>
    switch mode {
    case .constant: allowed = -size...Int.max
    case .reflect: allowed = 0...max(size - 1, 0)
    case .replicate: allowed = 0...(size == 0 ? 0 : Int.max)
    case .circular: allowed = 0...size
    }
    return allowed.contains(before) && allowed.contains(after) ? length : nil
  }

  private func expectation(_ size: Int, dim: Int) -> String {
    switch mode {
    case .constant: "padding that leaves dim \(dim) of size \(size) a size of 0 or more"
    case .reflect: "padding of 0 or more, below the size \(size) of dim \(dim)"
    case .replicate: "padding of 0 or more and an edge to repeat along dim \(dim)"
    case .circular: "padding of 0 or more, at most the size \(size) of dim \(dim)"
    }
  }

  private func tables(_ shape: [Int]) -> [[Int]?] {
    let first = shape.count - before.count
    return shape.indices.map { d in
      guard d >= first, (before[d - first], after[d - first]) != (0, 0) else { return nil }
      let (size, start) = (shape[d], -before[d - first])
      return (start..<(size + after[d - first])).map { place($0, size) }
    }
  }

  /// Where the element at `i` of a dimension comes from, -1 for nowhere.
  private func place(_ i: Int, _ size: Int) -> Int {
    if (0..<size).contains(i) { return i }
    switch mode {
    case .constant: return -1
    case .reflect: return i < 0 ? -i : 2 * (size - 1) - i
    case .replicate: return i < 0 ? 0 : size - 1
    case .circular: return i < 0 ? i + size : i - size
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    var fill: UInt64 = 0
    if case .constant(let value) = mode, value != 0 || output.isQuantized {
      fill = try StoredBits.of(value, output, operation: name)
    }
    return try AxisTables.gather(inputs[0], output, fill: fill, operation: name) {
      tables(inputs[0].shape)
    }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  var saved: SavedForBackward { [] }

  /// `dx` sums the gradients of all copies of an element.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let spec = context.inputSpecs[0]
    return [try AxisTables.scatterAdd(context.gradient, to: spec) { tables(spec.shape) }]
  }
}

/// The bits that a number is stored as.
enum StoredBits {
  /// `value` as an element of a tensor like `spec`: rounded to real types, saturated to integers, quantized by a per-tensor
  /// quantizer.
  static func of(_ value: Double, _ spec: TensorSpec, operation: String) throws(OctetError)
    -> UInt64
  {
    if spec.isQuantized {
      guard let rules = ScalarQuantization(spec) else {
        throw OctetError(
          .invalidQuantizer, operation: operation, argument: "value",
          expected: "a per-tensor scheme", received: "a per-channel one",
          fix: "dequantize it first")
      }
      return UInt64(truncatingIfNeeded: rules.code(Float(value)))
    }
    let one = try Tensor(scalar: value).converted(to: spec.dtype)
    return one.withBytes { bytes in
      bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
  }
}

extension Functional {
  /// The last dimensions extended, on the stored elements of any whole-byte type; a quantizer and the memory format are kept.
  /// torch.nn.functional.pad.
  ///
  /// - Parameters:
  ///   - before: elements in front of each of the last dimensions, outermost first (torch's list starts with the innermost).
  ///     Negative numbers take elements away, with a constant border only.
  ///   - after: elements behind each of them.
  ///   - mode: what stands in the border.
  public static func pad(
    _ input: Tensor, before: [Int], after: [Int], mode: PaddingMode = .constant(0)
  ) throws(OctetError) -> Tensor {
    try apply(Pad(before: before, after: after, mode: mode), [input])
  }

  /// `pad` by the mirror image. torch.nn.functional.pad with `mode="reflect"`.
  public static func reflectionPad(_ input: Tensor, before: [Int], after: [Int])
    throws(OctetError) -> Tensor
  {
    try pad(input, before: before, after: after, mode: .reflect)
  }
}

extension Tensor {
  /// `Functional.pad`, trapping on mistakes.
  public func pad(before: [Int], after: [Int], mode: PaddingMode = .constant(0)) -> Tensor {
    eager { try Functional.pad(self, before: before, after: after, mode: mode) }
  }
}
