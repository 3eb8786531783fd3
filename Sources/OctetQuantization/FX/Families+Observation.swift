import OctetNN
import OctetTensor

/// How a step's output is observed in a graph. torch.ao.quantization.backend_config.ObservationType.
enum ObservationKind {
  /// By an observer of its own.
  case own
  /// By the observer of its input: the output's elements are some of the input's.
  case shared
}

/// A range that a function's results never leave, and what is fixed for it.
enum FixedRange {
  /// Scale 1/256, zero point 0.
  case zeroToOne
  /// Scale 2/256, zero point 128.
  case negativeOneToOne
}

/// What the table of families says of steps in graphs.
extension Families {
  /// Modules whose output shares the observer of their input; they run on integers as they are.
  private static let sharing: Set<ObjectIdentifier> = Set(
    [
      AvgPool1d.self, AvgPool2d.self, AvgPool3d.self, AdaptiveAvgPool1d.self,
      AdaptiveAvgPool2d.self, AdaptiveAvgPool3d.self, MaxPool1d.self, MaxPool2d.self,
      MaxPool3d.self, ReLU.self, ReLU6.self, Hardtanh.self, Identity.self, Flatten.self,
      Dropout.self,
    ].map(ObjectIdentifier.init))

  /// The same for functions.
  private static let sharingFunctions: Set<String> = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d", "cat", "chunk", "clamp",
    "dropout", "flatten", "hardtanh", "interpolate", "mean", "permute", "relu", "relu6", "repeat",
    "reshape", "squeeze", "stack", "transpose", "unsqueeze", "view",
  ]

  /// Modules and functions with fixed parameters.
  static let fixedRanges: [(type: ObjectType, range: FixedRange)] = [
    (.type(Hardsigmoid.self), .zeroToOne), (.function("hardsigmoid"), .zeroToOne),
    (.type(Sigmoid.self), .zeroToOne), (.function("sigmoid"), .zeroToOne),
    (.type(Softmax.self), .zeroToOne),
    (.type(Tanh.self), .negativeOneToOne), (.function("tanh"), .negativeOneToOne),
  ]

  /// Functions of two tensors that have a quantized form.
  static let arithmetic: Set<String> = ["add", "mul"]

  /// Modules whose weight's first axis is the input's.
  static let transposedTypes: [Module.Type] = [
    ConvTranspose1d.self, ConvTranspose2d.self, ConvTranspose3d.self,
  ]

  /// How a module's output is observed; nil when it stays in float.
  static func observation(of module: Module) -> ObservationKind? {
    let float = (module as? any TrainingForm).map { ObjectIdentifier(type(of: $0)) }
    let id = float ?? ObjectIdentifier(type(of: module))
    if sharing.contains(id) { return .shared }
    if fixedRanges.contains(where: { $0.type == .module(id) }) { return .own }
    // Rows of tables have configurations of their own; torch's graph workflow has no integer group norm.
    if module is Embedding || module is EmbeddingBag || module is GroupNorm { return nil }
    guard let family = family(of: module) else { return nil }
    let hasForm = family.quantized != nil || module is any TrainingForm
    return family.isObserved && hasForm && !(module is FloatFunctional) ? .own : nil
  }

  /// How a function's output is observed; nil when it stays in float.
  static func observation(of function: String) -> ObservationKind? {
    if sharingFunctions.contains(function) { return .shared }
    if arithmetic.contains(function) { return .own }
    return fixedRanges.contains { $0.type == .function(function) } ? .own : nil
  }
}
