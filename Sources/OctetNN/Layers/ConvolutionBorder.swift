import OctetTensor

/// Padding that follows from the kernel. torch's words for a convolution's `padding`.
public enum ImplicitPadding: String, Sendable, CaseIterable {
  /// The output has the input's size; where the padding is odd, the end gets one more. Strides must be 1.
  case same
  /// None.
  case valid
}

extension PaddingMode {
  /// Zeros: the zero point in quantized tensors. torch's `padding_mode='zeros'` of convolutions.
  public static let zeros = PaddingMode.constant(0)

  /// A mode by torch's word for convolutions, nil for others.
  package init?(convolution word: String) {
    switch word {
    case "zeros": self = .zeros
    case "reflect": self = .reflect
    case "replicate": self = .replicate
    case "circular": self = .circular
    default: return nil
    }
  }

  /// torch's word for convolutions.
  package var convolutionWord: String {
    switch self {
    case .constant(let value): value == 0 ? "zeros" : "constant"
    case .reflect: "reflect"
    case .replicate: "replicate"
    case .circular: "circular"
    }
  }
}

/// What stands around a convolution's input.
package struct ConvolutionBorder: Sendable, Equatable {
  /// Elements in front of each spatial dimension.
  package let before: [Int]
  /// Elements behind each spatial dimension.
  package let after: [Int]
  /// What they are.
  package let mode: PaddingMode

  /// As many elements on both sides.
  package init(_ padding: [Int], mode: PaddingMode = .zeros) {
    before = padding
    after = padding
    self.mode = mode
  }

  /// What follows from a kernel.
  init(_ padding: ImplicitPadding, kernel: [Int], dilation: [Int], mode: PaddingMode) {
    let totals = zip(kernel, dilation).map { padding == .same ? ($0 - 1) * $1 : 0 }
    before = totals.map { $0 / 2 }
    after = totals.map { $0 - $0 / 2 }
    self.mode = mode
  }

  /// True when the convolution pads by itself: as many zeros on both sides.
  private var isPlain: Bool { mode == .zeros && before == after }

  /// The padding that is left to the convolution.
  package var inner: [Int] { isPlain ? before : before.map { _ in 0 } }

  /// The input with what the convolution doesn't pad by itself.
  package func padded(_ input: Tensor) throws(OctetError) -> Tensor {
    isPlain ? input : try Functional.pad(input, before: before, after: after, mode: mode)
  }

  /// For printing, empty for zeros.
  package var details: String {
    mode == .zeros ? "" : ", paddingMode: \(mode.convolutionWord)"
  }
}
