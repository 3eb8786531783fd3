import OctetNN
import OctetTensor

/// A module that `prepareQAT` puts in a float one's place: it computes in float32 with a weight that is rounded to the quantized
/// grid, and trains through the rounding.
public protocol TrainingForm: Module {
  /// Rounds the weight, and follows its range. torch's `weight_fake_quant`.
  var weightFakeQuant: Observer { get }

  /// The float module that computes what this one does without rounding; batch norms are folded into the weight.
  func toFloat() throws -> Module
}

/// Refuses weight recipes that don't round: a training form without fake quantizer wouldn't train for integers.
func weightFakeQuantizer(_ qconfig: QConfig, _ operation: String) throws(OctetError) -> Observer {
  let made = qconfig.weight()
  guard made is FakeQuantizeBase || made is IdentityObserver else {
    throw OctetError(
      .invalidConfiguration, operation: operation, argument: "qconfig.weight",
      expected: "a fake quantizer", received: qconfig.weight.name,
      fix: "choose a configuration for training, such as .defaultQAT")
  }
  return made
}

extension Observer {
  /// True when every batch stands for itself: a moving average that forgets at once. Such observers watch a module's input.
  var isMemoryless: Bool {
    switch self {
    case let average as MovingAverageMinMaxObserver: average.averagingConstant == 1
    case let average as MovingAveragePerChannelMinMaxObserver: average.averagingConstant == 1
    case let rounding as FakeQuantize: rounding.observer.isMemoryless
    default: false
    }
  }
}
