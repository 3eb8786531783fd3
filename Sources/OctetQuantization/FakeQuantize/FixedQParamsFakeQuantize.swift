import OctetNN
import OctetTensor

/// Rounds values to a grid that never changes. torch.ao.quantization.FixedQParamsFakeQuantize.
///
/// State: the switches, and the observer's `scale` and `zero_point`, which are this module's too.
public final class FixedQParamsFakeQuantize: FakeQuantize {
  /// A fake quantizer around what `observer` makes.
  ///
  /// - Throws: `invalidConfiguration` when that isn't a `FixedQParamsObserver`.
  public convenience init(observer: ObserverFactory) throws(OctetError) {
    try Self.check(observer)
    self.init(known: observer())
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    FixedQParamsFakeQuantize(known: try copier(observer))
  }

  /// A recipe for such fake quantizers. torch's `FixedQParamsFakeQuantize.with_args`.
  ///
  /// - Throws: `invalidConfiguration` when the observer isn't a `FixedQParamsObserver`.
  public override class func factory(observer: ObserverFactory) throws(OctetError)
    -> ObserverFactory
  {
    try check(observer)
    return .fixedQParamsFakeQuantize(observer)
  }

  private static func check(_ observer: ObserverFactory) throws(OctetError) {
    guard observer() is FixedQParamsObserver else {
      throw OctetError(
        .invalidConfiguration, operation: "FixedQParamsFakeQuantize", argument: "observer",
        expected: "a FixedQParamsObserver", received: observer.name)
    }
  }
}

extension ObserverFactory {
  /// A recipe around one that has been checked.
  static func fixedQParamsFakeQuantize(_ observer: ObserverFactory) -> ObserverFactory {
    ObserverFactory(class: "FixedQParamsFakeQuantize", arguments: ["observer=\(observer.name)"]) {
      FixedQParamsFakeQuantize(known: observer())
    }
  }
}
