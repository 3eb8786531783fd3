import Octet

extension CallBench {
  /// A step of training the demo's network on a batch of 128 images, in float32 and with fake quantizers: forward, backward, AdamW.
  static func trainingSteps() throws -> CallBench {
    try RandomSource.$shared.withValue(RandomSource(seed: 1)) {
      let images = try Tensor(
        RandomSource.shared.uniform(count: 128 * 28 * 28, in: -1...1), shape: [128, 1, 28, 28])
      let labels = try Tensor((0..<128).map { Int64($0 % 10) }, shape: [128])
      let float = FashionCNN()
      let integer = try TrainingRun.prepared(from: float)
      return CallBench(
        rows: [("float32", float), ("fake-quantized", integer)].map { name, model in
          model.train()
          let optimizer = AdamW(model.parameters, learningRate: 1e-3, weightDecay: 1e-4)
          return Row(name: "training step, \(name)", batch: 1) {
            try step(model, optimizer, images, labels)
          }
        })
    }
  }

  private static func step(
    _ model: FashionCNN, _ optimizer: AdamW, _ images: Tensor, _ labels: Tensor
  ) throws -> Tensor {
    let loss = try Functional.crossEntropy(model.evaluate(images), target: labels)
    optimizer.zeroGradients()
    try loss.backward()
    try optimizer.step()
    return loss
  }
}
