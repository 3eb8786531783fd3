import OctetTensor

/// The negative log-likelihood of classes under a softmax. torch.nn.CrossEntropyLoss.
public struct CrossEntropyLoss: Sendable {
  /// The share of the target that is spread over all classes.
  public var labelSmoothing: Double
  /// What becomes of the rows' losses.
  public var reduction: LossReduction

  /// Creates the loss.
  public init(labelSmoothing: Double = 0, reduction: LossReduction = .mean) {
    self.labelSmoothing = labelSmoothing
    self.reduction = reduction
  }

  /// `Functional.crossEntropy`, trapping on mistakes.
  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    eager {
      try Functional.crossEntropy(
        input, target: target, reduction: reduction, labelSmoothing: labelSmoothing)
    }
  }
}

/// `(x - t)²`. torch.nn.MSELoss.
public struct MSELoss: Sendable {
  /// What becomes of the elements' losses.
  public var reduction: LossReduction

  /// Creates the loss.
  public init(reduction: LossReduction = .mean) {
    self.reduction = reduction
  }

  /// `Functional.meanSquaredError`, trapping on mistakes.
  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    eager {
      try Functional.meanSquaredError(input, target: target, reduction: reduction)
    }
  }
}

/// `|x - t|`. torch.nn.L1Loss.
public struct L1Loss: Sendable {
  /// What becomes of the elements' losses.
  public var reduction: LossReduction

  /// Creates the loss.
  public init(reduction: LossReduction = .mean) {
    self.reduction = reduction
  }

  /// `Functional.absoluteError`, trapping on mistakes.
  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    eager {
      try Functional.absoluteError(input, target: target, reduction: reduction)
    }
  }
}

/// Squared near the target, absolute away from it. torch.nn.SmoothL1Loss.
public struct SmoothL1Loss: Sendable {
  /// Where the two meet.
  public var beta: Double
  /// What becomes of the elements' losses.
  public var reduction: LossReduction

  /// Creates the loss.
  public init(beta: Double = 1, reduction: LossReduction = .mean) {
    self.beta = beta
    self.reduction = reduction
  }

  /// `Functional.smoothAbsoluteError`, trapping on mistakes.
  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    eager {
      try Functional.smoothAbsoluteError(input, target: target, beta: beta, reduction: reduction)
    }
  }
}

/// Squared near the target, absolute away from it, times the width. torch.nn.HuberLoss.
public struct HuberLoss: Sendable {
  /// Where the two meet.
  public var delta: Double
  /// What becomes of the elements' losses.
  public var reduction: LossReduction

  /// Creates the loss.
  public init(delta: Double = 1, reduction: LossReduction = .mean) {
    self.delta = delta
    self.reduction = reduction
  }

  /// `Functional.huberLoss`, trapping on mistakes.
  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    eager {
      try Functional.huberLoss(input, target: target, delta: delta, reduction: reduction)
    }
  }
}

/// The binary cross entropy of a sigmoid. torch.nn.BCEWithLogitsLoss.
public struct BCEWithLogitsLoss: Sendable {
  /// What becomes of the elements' losses.
  public var reduction: LossReduction

  /// Creates the loss.
  public init(reduction: LossReduction = .mean) {
    self.reduction = reduction
  }

  /// `Functional.binaryCrossEntropyWithLogits`, trapping on mistakes.
  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    eager {
      try Functional.binaryCrossEntropyWithLogits(input, target: target, reduction: reduction)
    }
  }
}

/// The divergence of log-probabilities from a target. torch.nn.KLDivLoss.
public struct KLDivLoss: Sendable {
  /// Whether the target holds logarithms.
  public var logTarget: Bool
  /// What becomes of the elements' losses.
  public var reduction: LossReduction

  /// Creates the loss.
  public init(logTarget: Bool = false, reduction: LossReduction = .mean) {
    self.logTarget = logTarget
    self.reduction = reduction
  }

  /// `Functional.klDivergence`, trapping on mistakes.
  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    eager {
      try Functional.klDivergence(input, target: target, logTarget: logTarget, reduction: reduction)
    }
  }
}
