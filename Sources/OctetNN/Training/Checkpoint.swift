import OctetTensor

/// Everything a training run needs to go on as if it had never stopped: tensors under the prefixes `model.`, `optimizer.` and
/// `training.`.
public struct Checkpoint {
  private let model: Module
  private let optimizer: Optimizer
  private let scheduler: LearningRateScheduler?

  /// What is saved and restored together.
  public init(
    model: Module, optimizer: Optimizer, scheduler: LearningRateScheduler? = nil
  ) {
    self.model = model
    self.optimizer = optimizer
    self.scheduler = scheduler
  }

  /// The state of model, optimizer, scheduler and `RandomSource.shared`, and the place in the run.
  public func stateDictionary(at place: TrainingPlace) -> StateDictionary {
    var state = StateDictionary()
    for (name, tensor) in model.stateDictionary().entries { state["model.\(name)"] = tensor }
    for (name, tensor) in optimizer.stateDictionary().entries {
      state["optimizer.\(name)"] = tensor
    }
    let seed = Int64(bitPattern: RandomSource.shared.seed)
    state["training.random"] = Tensor(scalar: seed)
    state["training.epoch"] = Tensor(scalar: Int64(place.epoch))
    state["training.batch"] = Tensor(scalar: Int64(place.batch))
    if let scheduler { state["training.scheduler"] = Tensor(scalar: Int64(scheduler.epoch)) }
    return state
  }

  /// Takes back what `stateDictionary` gave and says where the run stood.
  ///
  /// - Throws: `stateMismatch` when tensors are missing or don't fit. The model changes only when its own part fits.
  public func restore(_ state: StateDictionary) throws -> TrainingPlace {
    func part(_ prefix: String) -> StateDictionary {
      StateDictionary(
        state.entries.filter { $0.name.hasPrefix(prefix) }.map {
          (String($0.name.dropFirst(prefix.count)), $0.tensor)
        })
    }
    let training = part("training.")
    func number(_ name: String) throws(OctetError) -> Int64 {
      guard let tensor = training[name], tensor.dtype == .int64, tensor.count == 1,
        let value = try tensor.elements(as: Int64.self).first
      else {
        throw OctetError(
          .stateMismatch, operation: "Checkpoint.restore", argument: "training.\(name)",
          expected: "an int64 number", received: training[name] == nil ? "none" : "another tensor",
          fix: "load a file that Checkpoint has written")
      }
      return value
    }
    let place = TrainingPlace(epoch: Int(try number("epoch")), batch: Int(try number("batch")))
    let seed = UInt64(bitPattern: try number("random"))
    let epochs = scheduler == nil ? 0 : Int(try number("scheduler"))
    try model.load(part("model."))
    try optimizer.load(part("optimizer."))
    scheduler?.epoch = epochs
    RandomSource.shared.reseed(seed)
    return place
  }
}

/// How far a training run is.
public struct TrainingPlace: Sendable, Equatable {
  /// Epochs that are done.
  public var epoch: Int
  /// Batches of the current epoch that are done.
  public var batch: Int

  /// A place in a run.
  public init(epoch: Int = 0, batch: Int = 0) {
    self.epoch = epoch
    self.batch = batch
  }
}
