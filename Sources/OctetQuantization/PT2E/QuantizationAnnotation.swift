import OctetGraph

/// What a quantizer says of a step. torch.ao.quantization.quantizer.QuantizationAnnotation.
public struct QuantizationAnnotation {
  /// How the values that the step reads are quantized; what isn't in it stays as it is.
  public var inputs: [Value: any QuantizationSpecBase]
  /// How the step's result is quantized; nil for not at all.
  public var output: (any QuantizationSpecBase)?
  /// True when inputs that are quantized like the output of their producer, or like what others read of it, share that observer.
  public var allowsImplicitSharing: Bool
  /// True when no other rule may take the step.
  public var isTaken: Bool
  /// True when a pattern of integers ends here, for quantizers that look for what follows one.
  var endsPattern = false

  /// An annotation that takes the step.
  public init(
    inputs: [Value: any QuantizationSpecBase] = [:], output: (any QuantizationSpecBase)? = nil,
    allowsImplicitSharing: Bool = true, isTaken: Bool = true
  ) {
    self.inputs = inputs
    self.output = output
    self.allowsImplicitSharing = allowsImplicitSharing
    self.isTaken = isTaken
  }
}

extension Node {
  private enum AnnotationKey {}

  /// How the step is quantized; nil until a quantizer says so. torch's `node.meta["quantization_annotation"]`.
  public var annotation: QuantizationAnnotation? {
    get { attachments[ObjectIdentifier(AnnotationKey.self)] as? QuantizationAnnotation }
    set { attachments[ObjectIdentifier(AnnotationKey.self)] = newValue }
  }

  /// True when a rule has taken the step.
  var isTaken: Bool { annotation?.isTaken == true }

  /// Takes the step, whatever has been said of it.
  func take() {
    var taken = annotation ?? QuantizationAnnotation()
    taken.isTaken = true
    annotation = taken
  }
}

extension Graph {
  /// Carries over what annotations say of one node to another that stands in its place.
  func moveAnnotations(from old: Node, to new: Node) {
    func moved(_ value: Value) -> Value { value.node == old ? Value(new, value.index) : value }
    func moved(_ place: EdgeOrNode) -> EdgeOrNode {
      switch place {
      case .node(let node): .node(node == old ? new : node)
      case .edge(let value, let node): .edge(moved(value), node == old ? new : node)
      }
    }
    func moved(_ spec: any QuantizationSpecBase) -> any QuantizationSpecBase {
      switch spec {
      case let shared as SharedQuantizationSpec: SharedQuantizationSpec(moved(shared.with))
      case let derived as DerivedQuantizationSpec: derived.with(derived.derivedFrom.map(moved))
      default: spec
      }
    }
    for node in nodes {
      guard var annotation = node.annotation else { continue }
      annotation.inputs = Dictionary(
        annotation.inputs.map { (moved($0), moved($1)) }, uniquingKeysWith: { first, _ in first })
      annotation.output = annotation.output.map(moved)
      node.annotation = annotation
    }
  }
}

extension DerivedQuantizationSpec {
  /// The same rule on other observers.
  fileprivate func with(_ places: [EdgeOrNode]) -> DerivedQuantizationSpec {
    DerivedQuantizationSpec(places, dtype, range, derive)
  }
}
