import Foundation
import Octet

/// What decides a run's bits.
struct TrainingSettings: Equatable {
  var seed: UInt64 = 1
  var batchSize = 128
  var epochs = 8
  var qatEpochs = 2
  var learningRate = 3e-3
  var qatLearningRate = 2e-4
  var weightDecay = 1e-4
  var labelSmoothing = 0.05
  var images = 0

  /// Told to a checkpoint, so that a run goes on with its own settings only.
  var line: String {
    "seed \(seed), batch \(batchSize), epochs \(epochs)+\(qatEpochs), rate "
      + "\(learningRate)/\(qatLearningRate), decay \(weightDecay), smoothing \(labelSmoothing), "
      + "images \(images)"
  }
}

/// Ends a run that was interrupted; the checkpoint is written.
struct Interrupted: Error {}

/// Trains the network in float, then for integers; stops and goes on at any batch.
final class TrainingRun {
  enum Stage: Int { case float, integer }

  let settings: TrainingSettings
  private let data: TrainingData
  private let checkpointPath: String?
  private let report: (String) -> Void
  private let isInterrupted: () -> Bool
  private let isQuiet: Bool
  /// The float network; the QAT stage trains a copy of its weights.
  private(set) var float = FashionCNN()
  private(set) var integer: FashionCNN?
  private(set) var floatAccuracy: Double?

  /// - Parameters:
  ///   - checkpointPath: where to write checkpoints and to go on from, nil for nowhere.
  ///   - isInterrupted: asked after each batch.
  init(
    _ settings: TrainingSettings, _ data: TrainingData, checkpointPath: String?, quiet: Bool,
    report: @escaping (String) -> Void, isInterrupted: @escaping () -> Bool
  ) {
    self.settings = settings
    self.data = data
    self.checkpointPath = checkpointPath
    isQuiet = quiet
    self.report = report
    self.isInterrupted = isInterrupted
  }

  /// Runs to the end, or throws `Interrupted`.
  func run() throws {
    try RandomSource.$shared.withValue(RandomSource(seed: settings.seed)) {
      float = FashionCNN()
      let saved = try loadCheckpoint()
      let stage = saved.flatMap { Stage(rawValue: $0.stage) } ?? .float
      if let saved, stage == .integer {
        try float.load(part(saved.state, "float."))
      } else {
        try train(.float, float, resuming: saved?.state)
      }
      floatAccuracy = try accuracy(float)
      report("float: \(percent(floatAccuracy ?? 0)) on \(data.test.count) test images")
      if settings.qatEpochs > 0 {
        let model = try Self.prepared(from: float)
        integer = model
        try train(.integer, model, resuming: stage == .integer ? saved?.state : nil)
      }
    }
  }

  /// A network with fake quantizers around the weights of another.
  static func prepared(from float: FashionCNN) throws -> FashionCNN {
    let model = FashionCNN()
    try model.load(float.stateDictionary())
    model.train()
    try fuseModulesQAT(model, FashionCNN.fusions)
    model.qconfig = try qconfig()
    try prepareQAT(model)
    return model
  }

  /// All 8 bits, and one rule for ranges in training and conversion: what is trained is what integers compute.
  private static func qconfig() throws -> QConfig {
    QConfig(
      activation: try FakeQuantize.factory(), weight: .defaultPerChannelWeightFakeQuant)
  }

  // MARK: Training

  private func train(_ stage: Stage, _ model: FashionCNN, resuming state: StateDictionary?) throws {
    let isFloat = stage == .float
    let epochs = isFloat ? settings.epochs : settings.qatEpochs
    let optimizer = AdamW(
      model.parameters, learningRate: isFloat ? settings.learningRate : settings.qatLearningRate,
      weightDecay: settings.weightDecay)
    let batches = try Batches(
      [data.training.images, data.training.labels], size: settings.batchSize,
      seed: settings.seed &+ UInt64(stage.rawValue), dropsLast: true)
    // The rate falls batch by batch.
    let scheduler = LearningRateScheduler(optimizer, .cosine(epochs: epochs * batches.count))
    let checkpoint = Checkpoint(model: model, optimizer: optimizer, scheduler: scheduler)
    var place = TrainingPlace()
    if let state { place = try checkpoint.restore(state) }
    while place.epoch < epochs {
      if !isFloat { settle(model, epoch: place.epoch) }
      model.train()
      try epoch(stage, model, optimizer, scheduler, batches, &place, epochs) { place in
        try self.save(checkpoint.stateDictionary(at: place), stage)
      }
      try save(checkpoint.stateDictionary(at: place), stage)
    }
    model.eval()
  }

  /// In the last of several epochs for integers neither ranges nor batch statistics move any more.
  private func settle(_ model: FashionCNN, epoch: Int) {
    guard epoch > 0, epoch == settings.qatEpochs - 1 else { return }
    disableObserver(model)
    freezeBnStats(model)
  }

  private func epoch(
    _ stage: Stage, _ model: FashionCNN, _ optimizer: Optimizer,
    _ scheduler: LearningRateScheduler, _ batches: Batches, _ place: inout TrainingPlace,
    _ epochs: Int, save: (TrainingPlace) throws -> Void
  ) throws {
    let order = batches.order(epoch: place.epoch)
    let label = "\(stage == .float ? "float" : "qat") \(place.epoch + 1)/\(epochs)"
    var bar = ProgressBar(label, total: batches.count, done: place.batch, quiet: isQuiet)
    let start = ContinuousClock.now
    var (losses, right, seen) = (0.0, 0, 0)
    while place.batch < batches.count {
      let batch = try batches.batch(place.batch, of: order)
      let labels = try batch[1].converted(to: .int64)
      let logits = try model.evaluate(LabelledImages.normalized(batch[0]))
      let loss = try Functional.crossEntropy(
        logits, target: labels, labelSmoothing: settings.labelSmoothing)
      optimizer.zeroGradients()
      try loss.backward()
      try optimizer.step()
      scheduler.step()
      losses += try loss.item() * Double(labels.count)
      right += try Self.matches(logits, batch[1])
      seen += labels.count
      place.batch += 1
      bar.advance(
        note: "loss \(fixed(losses / Double(seen), 3))  "
          + percent(Double(right) / Double(seen)))
      if isInterrupted() {
        bar.finish()
        try save(place)
        throw Interrupted()
      }
    }
    bar.finish()
    place = TrainingPlace(epoch: place.epoch + 1, batch: 0)
    report(
      "\(label): loss \(fixed(losses / Double(max(seen, 1)), 4)), "
        + "\(percent(Double(right) / Double(max(seen, 1)))) of the batches' images, "
        + "\(fixed(seconds(ContinuousClock.now - start), 1)) s")
  }

  private static func matches(_ logits: Tensor, _ labels: Tensor) throws -> Int {
    let found: [Int64] = try logits.detached().argmax(dim: 1).elements()
    let wanted: [UInt8] = try labels.elements()
    return zip(found, wanted).filter { $0 == Int64($1) }.count
  }

  // MARK: Evaluation

  /// The classes that a model sees in the test images.
  func predictions(_ model: FashionCNN) throws -> [Int64] {
    var found: [Int64] = []
    for start in stride(from: 0, to: data.test.count, by: 200) {
      let images = try data.test.images.slice(dim: 0, start..<min(start + 200, data.test.count))
      let logits = try model.evaluate(LabelledImages.normalized(images))
      found += try logits.argmax(dim: 1).elements(as: Int64.self)
    }
    return found
  }

  /// The share of the test images that a model gets right.
  func accuracy(_ model: FashionCNN) throws -> Double { accuracy(try predictions(model)) }

  /// The share of predictions that are right.
  func accuracy(_ predictions: [Int64]) -> Double {
    let wanted = (try? data.test.labels.elements(as: UInt8.self)) ?? []
    let right = zip(predictions, wanted).filter { $0 == Int64($1) }.count
    return Double(right) / Double(max(wanted.count, 1))
  }

  // MARK: Checkpoints

  private func save(_ state: StateDictionary, _ stage: Stage) throws {
    guard let checkpointPath else { return }
    var entries = state.entries
    if stage == .integer {
      entries += float.stateDictionary().entries.map { ("float.\($0.name)", $0.tensor) }
    }
    try saveTensors(
      entries, metadata: ["stage": "\(stage.rawValue)", "settings": settings.line],
      path: checkpointPath)
  }

  private func loadCheckpoint() throws -> (stage: Int, state: StateDictionary)? {
    guard let checkpointPath, FileManager.default.fileExists(atPath: checkpointPath) else {
      return nil
    }
    let file = try SafetensorsFile(path: checkpointPath)
    guard file.metadata["settings"] == settings.line,
      let stage = file.metadata["stage"].flatMap({ Int($0) })
    else {
      throw OctetError(
        .stateMismatch, operation: "train-demo", argument: checkpointPath,
        expected: "a checkpoint of \(settings.line)",
        received: file.metadata["settings"] ?? "a file without settings",
        fix: "pass the same options, or --fresh to begin again")
    }
    report("goes on from \(checkpointPath)")
    return (stage, try StateDictionary(file.tensors()))
  }

  private func part(_ state: StateDictionary, _ prefix: String) -> StateDictionary {
    StateDictionary(
      state.entries.filter { $0.name.hasPrefix(prefix) }.map {
        (String($0.name.dropFirst(prefix.count)), $0.tensor)
      })
  }
}
