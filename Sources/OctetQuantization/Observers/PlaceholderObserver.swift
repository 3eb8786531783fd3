import OctetNN
import OctetTensor

/// Collects nothing; says which type an input has and, when dynamic, how its parameters are chosen at run time.
/// torch.ao.quantization.PlaceholderObserver.
public final class PlaceholderObserver: Observer {
  /// A name for the operator that a backend puts here.
  public let customOpName: String
  /// The smallest integer for whoever chooses parameters; nil: the type's.
  public let quantMin: Int?
  /// The largest integer for whoever chooses parameters; nil: the type's.
  public let quantMax: Int?
  /// The smallest scale for whoever chooses parameters.
  public let eps: Float
  private let chosenScheme: QScheme

  /// A placeholder.
  ///
  /// - Parameters:
  ///   - dtype: the type of the input; for dynamic quantization the type it is quantized to.
  ///   - customOpName: a name for the operator that a backend puts here.
  ///   - quantMin: the smallest integer; nil: the type's.
  ///   - quantMax: the largest integer; nil: the type's.
  ///   - scheme: how scales are shared.
  ///   - eps: the smallest scale.
  ///   - isDynamic: parameters are chosen anew for every input.
  public init(
    dtype: DType = .float32, customOpName: String = "", quantMin: Int? = nil, quantMax: Int? = nil,
    scheme: QScheme = .perTensorAffine, eps: Float = RangeSettings.defaultEps,
    isDynamic: Bool = false
  ) {
    self.customOpName = customOpName
    self.quantMin = quantMin
    self.quantMax = quantMax
    self.eps = eps
    chosenScheme = scheme
    super.init(dtype: dtype, isDynamic: isDynamic)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    PlaceholderObserver(
      dtype: dtype, customOpName: customOpName, quantMin: quantMin, quantMax: quantMax,
      scheme: chosenScheme, eps: eps, isDynamic: isDynamic)
  }

  /// A recipe for such observers. torch's `PlaceholderObserver.with_args`.
  public static func factory(
    dtype: DType = .float32, customOpName: String = "", quantMin: Int? = nil, quantMax: Int? = nil,
    scheme: QScheme = .perTensorAffine, eps: Float = RangeSettings.defaultEps,
    isDynamic: Bool = false
  ) -> ObserverFactory {
    var arguments: [String] = []
    if dtype != .float32 { arguments.append("dtype=\(dtype.rawValue)") }
    if !customOpName.isEmpty { arguments.append("custom_op_name='\(customOpName)'") }
    if let quantMin { arguments.append("quant_min=\(quantMin)") }
    if let quantMax { arguments.append("quant_max=\(quantMax)") }
    if scheme != .perTensorAffine { arguments.append("qscheme=\(scheme.rawValue)") }
    if eps != RangeSettings.defaultEps { arguments.append("eps=\(eps)") }
    if isDynamic { arguments.append("is_dynamic=True") }
    return ObserverFactory(class: "PlaceholderObserver", arguments: arguments) {
      PlaceholderObserver(
        dtype: dtype, customOpName: customOpName, quantMin: quantMin, quantMax: quantMax,
        scheme: scheme, eps: eps, isDynamic: isDynamic)
    }
  }

  public override var scheme: QScheme? { chosenScheme }
}
