import Foundation
import Octet

/// Images `[N, 28, 28]` uint8 and their classes `[N]` uint8.
struct LabelledImages {
  let images: Tensor
  let labels: Tensor

  var count: Int { images.shape[0] }

  /// Checks that both belong together.
  init(images: Tensor, labels: Tensor) throws {
    guard images.dtype == .uint8, labels.dtype == .uint8, images.rank == 3, labels.rank == 1,
      images.shape == [labels.shape[0], 28, 28], labels.shape[0] > 0
    else {
      throw OctetError(
        .shapeMismatch, operation: "train-demo", argument: "data",
        expected: "images [N, 28, 28] and labels [N] of bytes",
        received: "\(images.shape) and \(labels.shape)")
    }
    self.images = images
    self.labels = labels
  }

  /// Some rows.
  func rows(_ range: Range<Int>) throws -> LabelledImages {
    try LabelledImages(
      images: images.slice(dim: 0, range).contiguous(),
      labels: labels.slice(dim: 0, range).contiguous())
  }

  /// What the network takes: float32 `[N, 1, 28, 28]`, normalized by the data set's mean and deviation.
  static func normalized(_ images: Tensor) throws -> Tensor {
    try ((images / 255 - 0.2860) / 0.3530).unsqueezed(1)
  }
}

/// What is trained on, and what is tested on.
struct TrainingData {
  let source: String
  let training: LabelledImages
  let test: LabelledImages

  /// Where Debian's package dataset-fashion-mnist puts its files.
  static let packageFolder = "/usr/share/datasets/fashion-mnist"

  /// The files of a folder when they are there, otherwise the images that come with the tool: 800 to train on, 200 to test on.
  ///
  /// - Parameter limit: at most so many images to train on.
  init(folder: String, limit: Int?) throws {
    let names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
    let paths = names.map { "\(folder)/\($0)-ubyte.gz" }
    var all: LabelledImages
    if paths.allSatisfy({ FileManager.default.isReadableFile(atPath: $0) }) {
      source = folder
      all = try LabelledImages(images: IDXFile.read(paths[0]), labels: IDXFile.read(paths[1]))
      test = try LabelledImages(images: IDXFile.read(paths[2]), labels: IDXFile.read(paths[3]))
    } else {
      source = "the images that come with the tool"
      let state = try StateDictionary(loadTensors(path: FashionData.bundledPath()))
      guard let images = state["test.images_u8"], let labels = state["test.labels_u8"] else {
        throw OctetError(
          .stateMismatch, operation: "train-demo", argument: "fashion_cnn.safetensors",
          expected: "the tensors test.images_u8 and test.labels_u8",
          received: "a file without them")
      }
      let bundled = try LabelledImages(images: images, labels: labels)
      let held = bundled.count / 5
      all = try bundled.rows(0..<(bundled.count - held))
      test = try bundled.rows((bundled.count - held)..<bundled.count)
    }
    if let limit, limit < all.count { all = try all.rows(0..<limit) }
    training = all
  }
}
