import OctetNN
import OctetTensor

/// Collects nothing and calculates nothing; says that values have type float16, or another one.
/// torch.ao.quantization.NoopObserver.
public final class NoopObserver: Observer {
  /// A name for the operator that a backend puts here.
  public let customOpName: String

  /// An observer that watches nothing.
  public init(dtype: DType = .float16, customOpName: String = "") {
    self.customOpName = customOpName
    super.init(dtype: dtype)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    NoopObserver(dtype: dtype, customOpName: customOpName)
  }

  /// A recipe for such observers.
  public static func factory(dtype: DType = .float16, customOpName: String = "") -> ObserverFactory
  {
    var arguments: [String] = []
    if dtype != .float16 { arguments.append("dtype=\(dtype.rawValue)") }
    if !customOpName.isEmpty { arguments.append("custom_op_name='\(customOpName)'") }
    return ObserverFactory(class: "NoopObserver", arguments: arguments) {
      NoopObserver(dtype: dtype, customOpName: customOpName)
    }
  }
}
