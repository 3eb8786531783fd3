import OctetTensor

/// Zeroes elements at random while training, dividing the others by `1 - p`; identity in evaluation mode. torch.nn.Dropout.
public final class Dropout: Module {
  /// The probability of a zero.
  public let p: Double

  /// Traps on a probability outside 0...1.
  public init(p: Double = 0.5) { self.p = probability(p, "Dropout") }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Dropout(p: p) }

  public override var details: String { "p: \(p)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.dropout(input, p: p, training: isTraining && !input.isQuantized)
  }
}

/// What dropout of whole channels over 1, 2 and 3 dimensions shares: while training, each channel of `[N, C, spatial...]` becomes 0
/// with probability `p`, and the others are divided by `1 - p`; identity in evaluation mode.
public class ChannelDropout: Module {
  /// The probability of a zero.
  public let p: Double

  /// The input's spatial dimensions.
  var rank: Int { 1 }

  /// Traps on a probability outside 0...1.
  public required init(p: Double = 0.5) { self.p = probability(p, "\(Self.self)") }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Self(p: p) }

  public override var details: String { "p: \(p)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    guard isTraining, p > 0, !input.isQuantized else { return input }
    // As in torch, the batch dimension may be left out.
    guard input.rank == rank + 2 || input.rank == rank + 1 else {
      throw OctetError(
        .shapeMismatch, operation: "\(Self.self)", argument: "input",
        expected: "\(rank + 2) dimensions [N, C, spatial...]", received: "shape \(input.shape)")
    }
    let channels = input.shape.dropLast(rank) + [Int](repeating: 1, count: rank)
    let ones = try Tensor(repeating: Float(1), shape: Array(channels))
    return try Functional.multiply(input, Functional.dropout(ones, p: p))
  }
}

/// Channels of `[N, C, L]`. torch.nn.Dropout1d.
public final class Dropout1d: ChannelDropout {}

/// Channels of `[N, C, H, W]`. torch.nn.Dropout2d.
public final class Dropout2d: ChannelDropout {
  override var rank: Int { 2 }
}

/// Channels of `[N, C, D, H, W]`. torch.nn.Dropout3d.
public final class Dropout3d: ChannelDropout {
  override var rank: Int { 3 }
}

private func probability(_ p: Double, _ layer: String) -> Double {
  precondition((0...1).contains(p), "\(layer): p: expected a probability in 0...1, received \(p)")
  return p
}
