import OctetNN
import OctetTensor

/// The scale and zero point of a module's results, checked as far as they can be without an input's type.
final class OutputParameters: StateGroup {
  private(set) var scale: Double
  private(set) var zeroPoint: Int
  private let operation: String

  /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
  init(scale: Double, zeroPoint: Int, operation: String) throws {
    _ = try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: .qint32, operation: operation)
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.operation = operation
  }

  /// Both under torch's names; the scale as float32, or as float64 where that would lose digits.
  var entries: [(name: String, tensor: Tensor)] {
    let isExact = Double(Float(scale)) == scale
    return [
      ("scale", isExact ? Tensor(scalar: Float(scale)) : Tensor(scalar: scale)),
      ("zero_point", Tensor(scalar: Int64(zeroPoint))),
    ]
  }

  var comesLast: Bool { true }

  func acceptsAnyType(_ name: String) -> Bool { name == "scale" }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    if let scale = state["scale"], !scale.dtype.isFloatingPoint {
      throw OctetError(
        .stateMismatch, operation: "load_state_dict", argument: "scale",
        expected: "float32 or float64", received: scale.dtype.rawValue)
    }
    let loaded = try OutputParameters(
      scale: state["scale"]?.item() ?? scale,
      zeroPoint: state["zero_point"].map { Int(try $0.item()) } ?? zeroPoint, operation: operation)
    if isTrial { return }
    scale = loaded.scale
    zeroPoint = loaded.zeroPoint
  }
}

extension Quantized {
  /// The base of modules whose quantized results have a scale and zero point of the module's own.
  public class Layer: Module {
    private let output: OutputParameters

    /// The real value of one step of the output.
    public final var scale: Double { output.scale }
    /// The integer that stands for 0 in the output.
    public final var zeroPoint: Int { output.zeroPoint }

    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    init(output scale: Double, _ zeroPoint: Int) throws {
      output = try OutputParameters(
        scale: scale, zeroPoint: zeroPoint, operation: "Quantized.\(Self.self)")
    }

    /// Scale and zero point as modules print them.
    final var outputDetails: String { "scale: \(scale), zeroPoint: \(zeroPoint)" }

    public override var details: String { outputDetails }
  }
}
