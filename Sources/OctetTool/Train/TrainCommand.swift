import ArgumentParser
import Foundation
import Octet

/// Trains the demo's network, first in float, then for integers, converts it, and says what that cost.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-demo",
    abstract: "Train a Fashion-MNIST network in float, then for int8, and convert it.",
    discussion: """
      Reads Debian's package dataset-fashion-mnist where it is installed, otherwise the 1,000 images that come with the tool. \
      Writes a checkpoint after every epoch and at Ctrl-C; the same command goes on from there and ends in the same bits. \
      Exits with 3 when int8 falls short of what is promised.
      """)

  @Option(help: "Epochs in float.")
  var epochs = 8

  @Option(help: "Epochs with fake quantizers, 0 to stay in float.")
  var qatEpochs = 2

  @Option(help: "Images of a batch.")
  var batchSize = 128

  @Option(help: "What decides first weights and the order of images.")
  var seed: UInt64 = 1

  @Option(help: "The step size at the beginning.")
  var learningRate = 3e-3

  @Option(help: "At most so many images to train on.")
  var images: Int?

  @Option(help: "The folder with the data set's files.")
  var data = TrainingData.packageFolder

  @Option(help: "Where the checkpoint lies.")
  var checkpoint = "fashion_cnn.checkpoint.safetensors"

  @Option(help: "Stop after so many batches, as Ctrl-C does.")
  var stopAfter: Int?

  @Flag(help: "Begin again, whatever the checkpoint says.")
  var fresh = false

  @Flag(help: "No progress bar.")
  var quiet = false

  func validate() throws {
    guard (1...1000).contains(epochs), (0...1000).contains(qatEpochs) else {
      throw ValidationError("--epochs: expected 1...1000, and 0...1000 for --qat-epochs")
    }
    guard (2...10_000).contains(batchSize), (images ?? batchSize) >= batchSize else {
      throw ValidationError(
        "--batch-size: expected 2...10000, at most --images; received \(batchSize)")
    }
    guard learningRate > 0, learningRate < 1 else {
      throw ValidationError("--learning-rate: expected a number in 0..<1, received \(learningRate)")
    }
  }

  func run() throws {
    let found = try TrainingData(folder: data, limit: images)
    var settings = TrainingSettings()
    settings.seed = seed
    settings.batchSize = min(batchSize, found.training.count)
    settings.epochs = epochs
    settings.qatEpochs = qatEpochs
    settings.learningRate = learningRate
    settings.images = found.training.count
    if fresh { try? FileManager.default.removeItem(atPath: checkpoint) }
    say("\(found.training.count) images from \(found.source), \(Kernels.maxThreads) threads")
    let interruption = Interruption()
    var batches = 0
    let run = TrainingRun(
      settings, found, checkpointPath: checkpoint, quiet: quiet, report: say,
      isInterrupted: {
        batches += 1
        return interruption.isWished || batches == stopAfter
      })
    do {
      try run.run()
    } catch is Interrupted {
      say("interrupted; the same command goes on from \(checkpoint)")
      throw ToolExit.success
    }
    try compare(run, found)
  }

  /// A line on standard output at once, also where that is a file.
  private func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }

  private func compare(_ run: TrainingRun, _ data: TrainingData) throws {
    guard let model = run.integer, let float = run.floatAccuracy else { return }
    let images = try LabelledImages.normalized(
      data.test.images.slice(dim: 0, 0..<min(200, data.test.count)))
    let fake = try run.predictions(model)
    let differences = try convert(model, comparingOn: [images])
    let integer = try run.predictions(model)
    let same = zip(fake, integer).filter { $0 == $1 }.count
    let agreement = Double(same) / Double(max(fake.count, 1))
    let accuracy = run.accuracy(integer)
    say("fake-quantized: \(percent(run.accuracy(fake)))")
    say("int8: \(percent(accuracy)), \(fixed((accuracy - float) * 100, 2)) points from float")
    say("fake-quantized and int8 agree on \(percent(agreement))")
    for difference in differences { say("  \(difference)") }
    var shortfalls: [String] = []
    if (float - accuracy) * 100 > 0.3 {
      shortfalls.append("int8 lost \(fixed((float - accuracy) * 100, 2)) points, allowed are 0.3")
    }
    if agreement < 0.998 {
      shortfalls.append("the models agree on \(percent(agreement)), wanted are 99.8 %")
    }
    for difference in differences where !(difference.signalToNoise >= 40) {
      shortfalls.append("\(difference), wanted are 40 dB")
    }
    for line in shortfalls { StandardError.print("error: train-demo: \(line)") }
    if !shortfalls.isEmpty { throw ToolExit.failed }
  }
}
