import OctetNN
import OctetTensor

extension QAT {
  /// What a convolution and a batch norm that train as one share: the weight is rounded as it will be after folding.
  ///
  /// `k = γ / sqrt(runningVar + ε)`, `y = norm(conv(x, round(w * k)) / k + b)`: one convolution, with the last batch's statistics in
  /// k. `followsBatch` takes two, and this batch's.
  public class ConvolutionNorm<Layer: OctetNN.Convolution, Norm: OctetNN.BatchNorm>:
    Module, TrainingForm, FreezableConvolution
  {
    /// `[O, C/groups, kernel...]`.
    public let weight: Parameter
    /// `[O]`, nil for none.
    public let bias: Parameter?
    /// The batch norm of the convolution's output.
    public let bn: Norm
    /// Rounds the weight, and follows its range.
    public let weightFakeQuant: Observer
    /// True while the batch norm keeps its statistics.
    public private(set) var isNormFrozen = false

    /// Convolves with the unscaled weight first, to know this batch's statistics: twice the work, but no division by k, which a
    /// γ of 0 makes 0. torch's `_enable_slow_path_for_better_numerical_stability`.
    public var followsBatch = false

    /// The float layer around this module's weight.
    let layer: Layer

    /// True for forms that end in a ReLU.
    var appliesReLU: Bool { false }

    /// The training form of a convolution and the batch norm behind it; parameters and statistics are shared.
    ///
    /// - Throws: `invalidConfiguration` when the configuration's weight isn't a fake quantizer.
    public init(_ layer: Layer, _ norm: Norm, _ qconfig: QConfig) throws {
      try requireTrainable(norm, layer.outChannels, "QAT.ConvBn")
      self.layer = try layer.sharing()
      weight = layer.weight
      bias = layer.bias
      bn = norm.sharing()
      weightFakeQuant = try weightFakeQuantizer(qconfig, "QAT.ConvBn")
    }

    /// A form around a layer's parameters and a batch norm.
    required init(_ layer: Layer, _ norm: Norm, rounding weightFakeQuant: Observer) {
      self.layer = layer
      weight = layer.weight
      bias = layer.bias
      bn = norm
      self.weightFakeQuant = weightFakeQuant
    }

    public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      let copy = Self(try copier(layer), try copier(bn), rounding: try copier(weightFakeQuant))
      copy.isNormFrozen = isNormFrozen
      copy.followsBatch = followsBatch
      return copy
    }

    public final override func ownChildren() -> [(name: String, module: Module)] {
      [("bn", bn), ("weight_fake_quant", weightFakeQuant)]
    }

    public final override var details: String { layer.details }

    public final override var passesModeOn: Bool { !isNormFrozen }

    /// Freezes or unfreezes the statistics; `train()` doesn't undo it.
    public final func freezeNorm(_ on: Bool) {
      isNormFrozen = on
      bn.train(!on)
    }

    public final override func forward(_ input: Tensor) throws -> Tensor {
      let output: Tensor
      if followsBatch {
        output = try twice(input)
      } else {
        let scaled = try ScaledWeight(weight.value, bn)
        let convolved = try layer.convolve(
          input, weight: weightFakeQuant(scaled.weight), bias: nil)
        output = try bn(scaled.restored(convolved, bias: bias?.value))
      }
      return appliesReLU ? try Functional.relu(output) : output
    }

    /// The way of two convolutions: `conv(x, round(w * k)) * (runningStd / std) + β - γ * mean / std`, with the mean of the
    /// convolution without bias; in evaluation std is the running one and the mean `runningMean - b`.
    private func twice(_ input: Tensor) throws -> Tensor {
      let epsilon = bn.epsilon
      let values = try BatchNormValues(bn)
      var mean: Tensor
      var deviation: Tensor
      if bn.isTraining {
        let unscaled = try layer.convolve(input, weight: weight.value, bias: nil)
        try noGrad {
          _ = bn(try bias.map { try byChannel($0.value, unscaled, Functional.add) } ?? unscaled)
        }
        let dims = [0] + (2..<unscaled.rank)
        mean = try Functional.mean(unscaled, dims: dims)
        let centred = try byChannel(mean, unscaled, Functional.subtract)
        let variance = try Functional.mean(Functional.square(centred), dims: dims)
        deviation = try Functional.squareRoot(Functional.addScalar(variance, epsilon))
      } else {
        mean = values.mean
        if let bias { mean = try Functional.subtract(mean, bias.value) }
        deviation = try Functional.squareRoot(Functional.addScalar(values.variance, epsilon))
      }
      let scaled = try ScaledWeight(weight.value, bn)
      var output = try layer.convolve(
        input, weight: weightFakeQuant(scaled.weight), bias: nil)
      if bn.isTraining {
        let running = try Functional.squareRoot(
          Functional.addScalar(BatchNormValues(bn).variance, epsilon))
        output = try byChannel(Functional.divide(running, deviation), output, Functional.multiply)
      }
      let shift = try Functional.subtract(
        values.beta, Functional.divide(Functional.multiply(values.gamma, mean), deviation))
      return try byChannel(shift, output, Functional.add)
    }

    /// An operation of `[N, C, ...]` with one value for each channel.
    private func byChannel(
      _ values: Tensor, _ tensor: Tensor,
      _ operation: (Tensor, Tensor) throws(OctetError) -> Tensor
    ) throws -> Tensor {
      var shape = [Int](repeating: 1, count: tensor.rank)
      shape[1] = values.count
      return try operation(tensor, values.view(shape))
    }

    /// The float layer with the batch norm folded in.
    final func foldedLayer() throws -> Layer { try folded(layer, bn).train(isTraining) }

    /// The float module around the same parameters, batch norms folded.
    public func toFloat() throws -> Module { try foldedLayer() }
  }

  /// A convolution and a batch norm of `[N, C, L]`. torch.ao.nn.intrinsic.qat.ConvBn1d.
  public final class ConvBn1d: ConvolutionNorm<OctetNN.Conv1d, OctetNN.BatchNorm1d> {}

  /// A convolution and a batch norm of `[N, C, H, W]`. torch.ao.nn.intrinsic.qat.ConvBn2d.
  public final class ConvBn2d: ConvolutionNorm<OctetNN.Conv2d, OctetNN.BatchNorm2d> {}

  /// A convolution and a batch norm of `[N, C, D, H, W]`. torch.ao.nn.intrinsic.qat.ConvBn3d.
  public final class ConvBn3d: ConvolutionNorm<OctetNN.Conv3d, OctetNN.BatchNorm3d> {}

  /// A convolution, a batch norm and a ReLU of `[N, C, L]`. torch.ao.nn.intrinsic.qat.ConvBnReLU1d.
  public final class ConvBnReLU1d: ConvolutionNorm<OctetNN.Conv1d, OctetNN.BatchNorm1d> {
    override var appliesReLU: Bool { true }

    public override func toFloat() throws -> Module {
      try Fused.ConvReLU1d(foldedLayer()).train(isTraining)
    }
  }

  /// A convolution, a batch norm and a ReLU of `[N, C, H, W]`. torch.ao.nn.intrinsic.qat.ConvBnReLU2d.
  public final class ConvBnReLU2d: ConvolutionNorm<OctetNN.Conv2d, OctetNN.BatchNorm2d> {
    override var appliesReLU: Bool { true }

    public override func toFloat() throws -> Module {
      try Fused.ConvReLU2d(foldedLayer()).train(isTraining)
    }
  }

  /// A convolution, a batch norm and a ReLU of `[N, C, D, H, W]`. torch.ao.nn.intrinsic.qat.ConvBnReLU3d.
  public final class ConvBnReLU3d: ConvolutionNorm<OctetNN.Conv3d, OctetNN.BatchNorm3d> {
    override var appliesReLU: Bool { true }

    public override func toFloat() throws -> Module {
      try Fused.ConvReLU3d(foldedLayer()).train(isTraining)
    }
  }
}
