import Foundation
import Octet

/// The trained weights and the test images that come with the tool.
struct FashionData {
  /// All tensors of the file by name.
  let state: StateDictionary
  /// float32 `[1000, 1, 28, 28]`, normalized as in training.
  let images: Tensor
  /// The class of each image.
  let labels: [Int]

  /// The file inside the tool's resources.
  static func bundledPath() throws -> String {
    guard
      let url = Bundle.module.url(
        forResource: "fashion_cnn", withExtension: "safetensors", subdirectory: "Resources")
    else {
      throw OctetError(
        .fileAccess, operation: "demo", argument: "fashion_cnn.safetensors",
        expected: "the resource beside the executable", received: "no such file",
        fix: "keep octet beside its Octet_OctetTool.resources folder, or name the file by --model")
    }
    return url.path
  }

  /// Reads weights and images.
  init(path: String) throws {
    state = try StateDictionary(loadTensors(path: path))
    guard let pixels = state["test.images_u8"], let classes = state["test.labels_u8"] else {
      throw OctetError(
        .stateMismatch, operation: "demo", argument: path,
        expected: "the tensors test.images_u8 and test.labels_u8", received: "a file without them")
    }
    images = try ((pixels / 255 - 0.2860) / 0.3530).unsqueezed(1)
    labels = try classes.elements(as: UInt8.self).map(Int.init)
  }

  /// A model with the trained weights, ready to evaluate.
  func model() throws -> FashionCNN {
    let model = FashionCNN()
    let missing = model.stateDictionary().names.filter {
      state[$0] == nil && !$0.hasSuffix("num_batches_tracked")
    }
    guard missing.isEmpty else {
      throw OctetError(
        .stateMismatch, operation: "demo", argument: "state", expected: "all weights",
        received: "a file without \(missing.joined(separator: ", "))")
    }
    try model.load(state, strict: false)
    return model.eval()
  }
}
