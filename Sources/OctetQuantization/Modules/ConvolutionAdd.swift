import OctetNN
import OctetTensor

extension Fused {
  /// `conv(x) + y` in float32, called with two tensors. torch.ao.nn.intrinsic.ConvAdd2d.
  public class ConvAdd2d: Module, TwoInputModule {
    /// The convolution.
    public let convolution: OctetNN.Conv2d

    /// Fuses a convolution with the sum behind it; the parameters are shared.
    public convenience init(_ convolution: OctetNN.Conv2d) throws {
      self.init(parts: try convolution.sharing())
    }

    required init(parts convolution: OctetNN.Conv2d) { self.convolution = convolution }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      Self(parts: try copier(convolution))
    }

    public override func ownChildren() -> [(name: String, module: Module)] { [("0", convolution)] }

    public override func forward(_ input: Tensor) throws -> Tensor {
      throw needsTwoInputs("\(type(of: self))")
    }

    /// `conv(input) + addend`.
    public func forward(_ input: Tensor, _ addend: Tensor) throws -> Tensor {
      try Functional.add(convolution(input), addend)
    }
  }

  /// `relu(conv(x) + y)` in float32, called with two tensors. torch.ao.nn.intrinsic.ConvAddReLU2d.
  public final class ConvAddReLU2d: ConvAdd2d {
    public override func forward(_ input: Tensor, _ addend: Tensor) throws -> Tensor {
      try Functional.relu(super.forward(input, addend))
    }
  }
}

extension Quantized {
  /// `conv(x) + y`, called with two quantized tensors: the convolution's real values and the dequantized addend are added in
  /// float32 and quantized to the module's scale and zero point. torch.ao.nn.intrinsic.quantized.ConvAdd2d.
  public class ConvAdd2d: Conv2d, TwoInputModule {
    public override func forward(_ input: Tensor) throws -> Tensor {
      throw needsTwoInputs(weights.operation)
    }

    /// `conv(input) + addend`, both quantized; `addend` has the convolution's shape.
    public func forward(_ input: Tensor, _ addend: Tensor) throws -> Tensor {
      let real = try weights.convolve(input, result: .real(relu: false))
      guard addend.shape == real.shape, addend.isQuantized else {
        throw OctetError(
          addend.isQuantized ? .shapeMismatch : .quantizationMismatch,
          operation: weights.operation, argument: "addend",
          expected: "a quantized tensor of the convolution's shape \(real.shape)",
          received: "\(addend.dtype.rawValue) of shape \(addend.shape)")
      }
      let sum = try Functional.add(real, addend.dequantized().contiguous(.channelsLast))
      return try Functional.quantizePerTensor(
        appliesReLU ? Functional.relu(sum) : sum, scale: scale, zeroPoint: zeroPoint,
        dtype: input.dtype)
    }
  }

  /// `ConvAdd2d` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.ConvAddReLU2d.
  public final class ConvAddReLU2d: ConvAdd2d {
    override var appliesReLU: Bool { true }
  }
}

private func needsTwoInputs(_ operation: String) -> OctetError {
  OctetError(
    .unsupportedModule, operation: operation, argument: "addend",
    expected: "a call with two tensors", received: "one", fix: "call it as module(x, y)")
}
