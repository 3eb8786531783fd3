import OctetNN
import OctetTensor

extension QAT {
  /// What training forms of 1-d, 2-d and 3-d convolutions share: `conv(x, round(w), b)` in float32.
  public class Convolution<Layer: OctetNN.Convolution>: Module, TrainingForm {
    /// `[O, C/groups, kernel...]`.
    public let weight: Parameter
    /// `[O]`, nil for none.
    public let bias: Parameter?
    /// Rounds the weight, and follows its range.
    public let weightFakeQuant: Observer
    /// The float layer around this module's parameters.
    let layer: Layer

    /// True for forms that end in a ReLU.
    var appliesReLU: Bool { false }

    /// The training form of a float layer; parameters are shared.
    ///
    /// - Throws: `invalidConfiguration` when the configuration's weight isn't a fake quantizer.
    public init(_ float: Layer, _ qconfig: QConfig) throws {
      layer = try float.sharing()
      weight = float.weight
      bias = float.bias
      weightFakeQuant = try weightFakeQuantizer(qconfig, "QAT.Conv")
    }

    /// A form around a layer's parameters.
    required init(_ layer: Layer, rounding weightFakeQuant: Observer) {
      self.layer = layer
      weight = layer.weight
      bias = layer.bias
      self.weightFakeQuant = weightFakeQuant
    }

    public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      Self(try copier(layer), rounding: try copier(weightFakeQuant))
    }

    public final override func ownChildren() -> [(name: String, module: Module)] {
      [("weight_fake_quant", weightFakeQuant)]
    }

    public final override var details: String { layer.details }

    public final override func forward(_ input: Tensor) throws -> Tensor {
      let output = try layer.convolve(
        input, weight: weightFakeQuant(weight.value), bias: bias?.value)
      return appliesReLU ? try Functional.relu(output) : output
    }

    /// The float module around the same parameters, batch norms folded.
    public func toFloat() throws -> Module { try layer.sharing().train(isTraining) }
  }

  /// A convolution of `[N, C, L]` with a rounded weight. torch.ao.nn.qat.Conv1d.
  public final class Conv1d: Convolution<OctetNN.Conv1d> {}

  /// A convolution of `[N, C, H, W]` with a rounded weight. torch.ao.nn.qat.Conv2d.
  public final class Conv2d: Convolution<OctetNN.Conv2d> {}

  /// A convolution of `[N, C, D, H, W]` with a rounded weight. torch.ao.nn.qat.Conv3d.
  public final class Conv3d: Convolution<OctetNN.Conv3d> {}

  /// `max(conv(x), 0)` with a rounded weight. torch.ao.nn.intrinsic.qat.ConvReLU1d.
  public final class ConvReLU1d: Convolution<OctetNN.Conv1d> {
    override var appliesReLU: Bool { true }

    public override func toFloat() throws -> Module {
      try Fused.ConvReLU1d(layer).train(isTraining)
    }
  }

  /// `max(conv(x), 0)` with a rounded weight. torch.ao.nn.intrinsic.qat.ConvReLU2d.
  public final class ConvReLU2d: Convolution<OctetNN.Conv2d> {
    override var appliesReLU: Bool { true }

    public override func toFloat() throws -> Module {
      try Fused.ConvReLU2d(layer).train(isTraining)
    }
  }

  /// `max(conv(x), 0)` with a rounded weight. torch.ao.nn.intrinsic.qat.ConvReLU3d.
  public final class ConvReLU3d: Convolution<OctetNN.Conv3d> {
    override var appliesReLU: Bool { true }

    public override func toFloat() throws -> Module {
      try Fused.ConvReLU3d(layer).train(isTraining)
    }
  }
}
