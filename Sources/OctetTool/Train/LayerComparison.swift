import Foundation
import Octet

/// What integers change, layer by layer: the fake-quantized network's outputs against the converted one's.
struct LayerComparison {
  /// The layers that run as one, by the handle that names them.
  static let layers = ["conv1", "conv2", "dw3", "pw4", "fc1", "fc2"]

  private(set) var outputs: [String: [Float]] = [:]

  /// The outputs of a model's layers for some images.
  init(_ model: FashionCNN, _ images: Tensor) throws {
    let found = Outputs()
    let handles = Self.layers.compactMap { name in model.submodule(name).map { (name, $0) } }
    for (name, handle) in handles {
      handle.postHooks.append(
        ModuleHook { _, output in
          found.values[name] = try (output.isQuantized ? output.dequantized() : output).elements()
          return output
        })
    }
    defer { for (_, handle) in handles { handle.postHooks.removeLast() } }
    _ = try model.evaluate(images)
    outputs = found.values
  }

  private final class Outputs {
    var values: [String: [Float]] = [:]
  }

  /// Signal to noise in decibels of `other` against this one; infinite where they are equal.
  func ratio(_ layer: String, _ other: LayerComparison) -> Double? {
    guard let mine = outputs[layer], let theirs = other.outputs[layer], mine.count == theirs.count
    else { return nil }
    var (signal, noise) = (0.0, 0.0)
    for (a, b) in zip(mine, theirs) {
      signal += Double(a) * Double(a)
      noise += (Double(a) - Double(b)) * (Double(a) - Double(b))
    }
    return noise == 0 ? .infinity : 10 * log10(signal / noise)
  }
}
