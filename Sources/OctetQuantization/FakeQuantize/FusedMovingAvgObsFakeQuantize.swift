import OctetNN
import OctetTensor

/// A fake quantizer and its moving average in one step. torch.ao.quantization.FusedMovingAvgObsFakeQuantize.
///
/// While training, parameters follow the run-time rule (scales from 6.1e-5; a symmetric scheme leaves one-sided ranges
/// affine); `calculateParameters`, which conversion asks, follows the observers' rule on the same extremes. Parameters are
/// chosen whenever values are rounded, from whatever extremes there are. State as `FakeQuantize`'s, with int64 switches.
public final class FusedMovingAvgObsFakeQuantize: FakeQuantize {
  /// A fake quantizer around what `observer` makes.
  ///
  /// - Throws: `invalidConfiguration` when that isn't a moving average.
  public convenience init(observer: ObserverFactory = .movingAverageOfBytes) throws(OctetError) {
    try Self.check(observer)
    self.init(known: observer(), hasWideFlags: true)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    FusedMovingAvgObsFakeQuantize(known: try copier(observer), hasWideFlags: true)
  }

  /// A recipe for such fake quantizers. torch's `FusedMovingAvgObsFakeQuantize.with_args`.
  ///
  /// - Throws: `invalidConfiguration` when the observer isn't a moving average.
  public override class func factory(observer: ObserverFactory = .movingAverageOfBytes)
    throws(OctetError) -> ObserverFactory
  {
    try check(observer)
    return .fusedFakeQuantize(observer)
  }

  private static func check(_ observer: ObserverFactory) throws(OctetError) {
    let made = observer()
    guard
      made is MovingAverageMinMaxObserver || made is MovingAveragePerChannelMinMaxObserver
    else {
      throw OctetError(
        .invalidConfiguration, operation: "FusedMovingAvgObsFakeQuantize", argument: "observer",
        expected: "a MovingAverageMinMaxObserver or MovingAveragePerChannelMinMaxObserver",
        received: observer.name)
    }
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    if let observer = observer as? MovingAverageMinMaxObserver {
      return try step(
        input, observer.averagingConstant, observer.settings, (observer.minVal, observer.maxVal),
        axis: nil)
    }
    if let observer = observer as? MovingAveragePerChannelMinMaxObserver {
      return try step(
        input, observer.averagingConstant, observer.settings, (observer.minVal, observer.maxVal),
        axis: observer.chAxis)
    }
    return try super.forward(input)
  }

  private func step(
    _ input: Tensor, _ averagingConstant: Double, _ settings: RangeSettings,
    _ extremes: (min: Buffer, max: Buffer), axis: Int?
  ) throws(OctetError) -> Tensor {
    let fused = FusedMovingAverage(
      averagingConstant: Float(averagingConstant), quantMin: settings.quantMin,
      quantMax: settings.quantMax, axis: axis, isSymmetric: settings.scheme.isSymmetric)
    let words: [Int32] = try zeroPoint.value.elements()
    var state = FusedMovingAverage.State(
      minima: try extremes.min.value.elements(), maxima: try extremes.max.value.elements(),
      scales: try scale.value.elements(), zeroPoints: words.map(Int.init))
    let before = state
    let output = try fused.step(
      input, observes: followsRanges, rounds: roundsValues, &state)
    guard state != before else { return output }
    let shape = extremes.min.value.rank == 0 ? [] : [state.minima.count]
    extremes.min.value = try RangeObserver.vector(state.minima).view(shape)
    extremes.max.value = try RangeObserver.vector(state.maxima).view(shape)
    scale.value = RangeObserver.vector(state.scales)
    zeroPoint.value = Self.zeroPoints(.integer(state.zeroPoints))
    return output
  }
}

extension ObserverFactory {
  /// A moving average over quint8 in 0...255 with torch's defaults.
  public static let movingAverageOfBytes = movingAverageMinMax(
    RangeSettings(known: .quint8, .perTensorAffine, range: 0...255))

  /// A recipe around one that has been checked.
  static func fusedFakeQuantize(_ observer: ObserverFactory) -> ObserverFactory {
    ObserverFactory(
      class: "FusedMovingAvgObsFakeQuantize", arguments: ["observer=\(observer.name)"]
    ) { FusedMovingAvgObsFakeQuantize(known: observer(), hasWideFlags: true) }
  }
}
