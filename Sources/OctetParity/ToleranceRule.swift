import OctetTensor

/// How far an output may lie from the oracle's.
package enum ToleranceRule: Sendable, Equatable {
  /// The same values; NaN equals NaN and -0 equals 0.
  case exact
  /// Integers at most `max` steps away, at most the fraction `fraction` of them different at all; the parameters of a
  /// quantized output within `parameters`.
  case lsb(max: Double, fraction: Double, parameters: ParameterTolerance)
  /// `|got - want| <= atol + rtol * |want|`, the same NaNs and infinities.
  case close(rtol: Double, atol: Double)
  /// A signal-to-quantization-noise ratio of at least `min` dB.
  case sqnr(min: Double)
  /// At most the fraction `fraction` of the elements more than `max * step` away and none more than `limit * step`, both
  /// with a slack of `0.01 * step`.
  case steps(step: Double, max: Double, fraction: Double, limit: Double)
  /// A signal-to-quantization-noise ratio of at least `min` dB against another expected output.
  case sqnrTo(reference: String, min: Double)

  /// The rule's name in case files.
  package var kind: String {
    switch self {
    case .exact: "exact"
    case .lsb: "lsb"
    case .close: "close"
    case .sqnr: "sqnr"
    case .steps: "steps"
    case .sqnrTo: "sqnr_to"
    }
  }

  /// A rule as case files spell it.
  package init(_ rule: ParityAttributes) throws(OctetError) {
    let kind = try rule.string("kind")
    switch kind {
    case "exact": self = .exact
    case "lsb":
      self = .lsb(
        max: try rule.double("max"), fraction: try rule.double("fraction"),
        parameters: ParameterTolerance(
          scale: try rule.optionalDouble("scale_rtol"),
          zeroPoint: try rule.int("zero_point_max", default: 0)))
    case "close": self = .close(rtol: try rule.double("rtol"), atol: try rule.double("atol"))
    case "sqnr": self = .sqnr(min: try rule.double("min"))
    case "steps":
      self = .steps(
        step: try rule.double("step"), max: try rule.double("max"),
        fraction: try rule.double("fraction"), limit: try rule.double("limit"))
    case "sqnr_to":
      self = .sqnrTo(reference: try rule.string("reference"), min: try rule.double("min"))
    default:
      throw OctetError(
        .malformedFile, operation: ParityAttributes.operation, argument: "tolerance",
        expected: "exact, lsb, close, sqnr, steps or sqnr_to", received: "the kind \(kind)")
    }
  }
}

/// How far the parameters of a quantized output may lie from the oracle's.
package struct ParameterTolerance: Sendable, Equatable {
  /// Relative difference of scales.
  package var scale = 1e-6
  /// Difference of integer zero points.
  package var zeroPoint = 0
  /// Float zero points may differ by `floatZeroPoint * (|z| + 256)`.
  package var floatZeroPoint = 0.0

  /// What holds when no rule says otherwise: scales to 1e-6, zero points exactly.
  package init() {}

  /// What a rule says; nil leaves the usual figures for scales and float zero points.
  package init(scale: Double?, zeroPoint: Int) {
    self.zeroPoint = zeroPoint
    guard let scale else { return }
    self.scale = scale
    floatZeroPoint = scale
  }
}

/// The rules of a case's outputs.
package struct ToleranceTable: Sendable, Equatable {
  private let rules: [String: [ToleranceRule]]

  /// Rules by output name, group or `*`.
  package init(rules: [String: [ToleranceRule]]) { self.rules = rules }

  /// Rules as case files spell them: an object of a rule, or a list of rules, for each name.
  package init(_ table: [String: AttributeValue]) throws(OctetError) {
    var rules: [String: [ToleranceRule]] = [:]
    for (name, value) in table {
      var list: [ToleranceRule] = []
      for rule in value.listValue ?? [value] {
        guard let rule = rule.dictionaryValue else {
          throw OctetError(
            .malformedFile, operation: ParityAttributes.operation, argument: "tolerance.\(name)",
            expected: "a rule or a list of rules", received: value.kind)
        }
        list.append(try ToleranceRule(ParityAttributes(rule, path: "tolerance.\(name)")))
      }
      rules[name] = list
    }
    self.rules = rules
  }

  /// The rules of an output: under its name, else under its name without the list index, else under its group
  /// (`GROUP/*`), else under `*`. Empty when none applies.
  package func rules(for output: String) -> [ToleranceRule] {
    var names = [output]
    if let dot = output.lastIndex(of: "."),
      output[output.index(after: dot)...].allSatisfy(\.isNumber)
    {
      names.append(String(output[..<dot]))
    }
    if let slash = output.firstIndex(of: "/") { names.append("\(output[..<slash])/*") }
    names.append("*")
    for name in names {
      if let found = rules[name] { return found }
    }
    return []
  }
}
