import OctetTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a learning rate is after a number of epochs.
public enum LearningRateSchedule: Sendable, Equatable {
  /// As it began.
  case constant
  /// Times `factor` every `epochs`. torch.optim.lr_scheduler.StepLR.
  case step(epochs: Int, factor: Double = 0.1)
  /// Times `factor` at each milestone. torch.optim.lr_scheduler.MultiStepLR.
  case multiStep(milestones: [Int], factor: Double = 0.1)
  /// Down to `end` along half a cosine of `epochs`. torch.optim.lr_scheduler.CosineAnnealingLR.
  case cosine(epochs: Int, end: Double = 0)

  /// The rate after `epoch` epochs that began with `start`.
  public func rate(start: Double, epoch: Int) -> Double {
    switch self {
    case .constant: start
    case .step(let epochs, let factor): start * pow(factor, Double(epoch / max(epochs, 1)))
    case .multiStep(let milestones, let factor):
      start * pow(factor, Double(milestones.filter { $0 <= epoch }.count))
    case .cosine(let epochs, let end):
      end + (start - end) * (1 + cos(Double.pi * Double(epoch) / Double(max(epochs, 1)))) / 2
    }
  }
}

/// Moves an optimizer's learning rate along a schedule. torch.optim.lr_scheduler.
public final class LearningRateScheduler {
  private let optimizer: Optimizer
  private let schedule: LearningRateSchedule
  private let start: Double
  /// Epochs that have passed. Setting it sets the optimizer's rate.
  public var epoch = 0 {
    didSet { optimizer.learningRate = schedule.rate(start: start, epoch: epoch) }
  }

  /// A schedule that starts from the optimizer's rate.
  public init(_ optimizer: Optimizer, _ schedule: LearningRateSchedule) {
    self.optimizer = optimizer
    self.schedule = schedule
    start = optimizer.learningRate
  }

  /// One more epoch has passed.
  public func step() { epoch += 1 }
}
