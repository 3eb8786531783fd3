import OctetNN
import OctetTensor

/// A training form with a batch norm whose statistics can be frozen.
public protocol FreezableNorm: Module {
  /// True while the batch norm normalizes with its running statistics and leaves them alone, in training too.
  var isNormFrozen: Bool { get }

  /// Freezes or unfreezes the statistics; `train()` doesn't undo it.
  func freezeNorm(_ on: Bool)
}

/// A training form of a convolution and a batch norm: what `freezeBnStats` and `updateBnStats` reach.
protocol FreezableConvolution: FreezableNorm {
  /// Whether the batch's own statistics scale the weight.
  var followsBatch: Bool { get set }
}

/// Lets the batch norms of fused convolutions at or below `module` follow the batches' statistics again.
/// torch.ao.nn.intrinsic.qat.update_bn_stats.
public func updateBnStats(_ module: Module) { freeze(module, false) }

/// Makes the batch norms of fused convolutions at or below `module` normalize with the statistics they have, in training too.
/// torch.ao.nn.intrinsic.qat.freeze_bn_stats; as there, fused linear layers keep theirs unless asked by `freezeNorm`.
public func freezeBnStats(_ module: Module) { freeze(module, true) }

private func freeze(_ module: Module, _ on: Bool) {
  for case let (_, found as any FreezableConvolution) in module.namedModules() {
    found.freezeNorm(on)
  }
}

/// A weight as folding would leave it: each output channel times `k = γ / sqrt(runningVar + ε)`.
struct ScaledWeight {
  /// The weight times k.
  let weight: Tensor
  private let factor: Tensor

  /// `weight` has its output channels along the first dimension.
  init(_ weight: Tensor, _ norm: BatchNorm) throws {
    let norm = try BatchNormValues(norm)
    let epsilon = Float(norm.epsilon)
    let variance: [Float] = try norm.variance.elements()
    let deviation = try Tensor(
      variance.map { ($0 + epsilon).squareRoot() }, shape: [variance.count])
    factor = try Functional.divide(norm.gamma, deviation)
    let ones = [Int](repeating: 1, count: weight.rank - 1)
    self.weight = try Functional.multiply(weight, factor.view([variance.count] + ones))
  }

  /// What the layer would have given with its own weight and bias, of an output `[N, C, ...]` with the scaled one.
  func restored(_ output: Tensor, bias: Tensor?) throws -> Tensor {
    var shape = [Int](repeating: 1, count: output.rank)
    shape[1] = factor.count
    let unscaled = try Functional.divide(output, factor.view(shape))
    return try bias.map { try Functional.add(unscaled, $0.view(shape)) } ?? unscaled
  }
}
