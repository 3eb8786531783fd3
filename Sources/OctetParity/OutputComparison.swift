import OctetTensor

/// The judgement of one output against its rules.
package struct OutputVerdict: Sendable, Equatable {
  /// The output's name, without `out/`.
  package let name: String
  /// The kinds of the rules that applied.
  package var rules: [String] = []
  /// What is wrong, empty when the output passes.
  package var failures: [String] = []
  /// How far the stored elements lie from the oracle's; nil when they couldn't be compared.
  package var deviation: Deviation?
  /// The signal-to-quantization-noise ratio that a rule measured, in dB.
  package var sqnr: Double?

  /// True when nothing is wrong.
  package var passed: Bool { failures.isEmpty }
}

/// Compares an output with the oracle's by the rules of a case.
package struct OutputComparison {
  private let got: Tensor
  private let want: Tensor
  private let references: [String: Tensor]
  private var verdict: OutputVerdict

  private init(name: String, got: Tensor, want: Tensor, references: [String: Tensor]) {
    self.got = got
    self.want = want
    self.references = references
    verdict = OutputVerdict(name: name)
  }

  /// The judgement of `got`.
  ///
  /// - Parameters:
  ///   - rules: all of them must hold; none is a failure.
  ///   - references: every expected output, for rules that compare with another one.
  package static func judge(
    _ name: String, got: Tensor?, want: Tensor, rules: [ToleranceRule],
    references: [String: Tensor] = [:]
  ) -> OutputVerdict {
    guard let got else {
      return OutputVerdict(
        name: name, rules: rules.map(\.kind), failures: ["the output is missing"])
    }
    var comparison = OutputComparison(name: name, got: got, want: want, references: references)
    do throws(OctetError) {
      try comparison.run(rules)
    } catch {
      comparison.verdict.failures.append("\(error)")
    }
    return comparison.verdict
  }

  private mutating func run(_ rules: [ToleranceRule]) throws(OctetError) {
    verdict.rules = rules.map(\.kind)
    if rules.isEmpty { verdict.failures.append("no tolerance rule applies") }
    if got.dtype != want.dtype {
      verdict.failures.append("dtype \(got.dtype.rawValue), expected \(want.dtype.rawValue)")
    }
    if got.shape != want.shape {
      verdict.failures.append("shape \(got.shape), expected \(want.shape)")
    }
    guard verdict.failures.isEmpty else { return }
    checkParameters(Self.parameterTolerance(rules))
    switch (try OutputValues(got), try OutputValues(want)) {
    case (.integers(let g), .integers(let w)): verdict.deviation = Deviation(got: g, want: w)
    case (.reals(let g), .reals(let w)): verdict.deviation = Deviation(got: g, want: w)
    default: verdict.failures.append("integers and reals can't be compared")
    }
    for rule in rules { try check(rule) }
  }

  private static func parameterTolerance(_ rules: [ToleranceRule]) -> ParameterTolerance {
    for case .lsb(_, _, let parameters) in rules { return parameters }
    return ParameterTolerance()
  }

  private mutating func check(_ rule: ToleranceRule) throws(OctetError) {
    guard let deviation = verdict.deviation else { return }
    switch rule {
    case .exact:
      if deviation.differing > 0 { fail(rule, differences(deviation)) }
    case .lsb(let max, let fraction, _):
      if want.dtype.isFloatingPoint {
        fail(rule, "the output isn't made of integers")
      } else if deviation.worst > max
        || Double(deviation.differing) > fraction * Double(deviation.count)
      {
        fail(rule, "\(differences(deviation)), allowed \(max) in \(fraction) of them")
      }
    case .close(let rtol, let atol): try checkClose(rule, rtol: rtol, atol: atol)
    case .sqnr(let min):
      measure(rule, try OutputValues.reals(of: got), try OutputValues.reals(of: want), min: min)
    case .steps: try checkSteps(rule)
    case .sqnrTo(let reference, let min):
      guard let other = references[reference], other.shape == got.shape else {
        fail(rule, "the case has no output \(reference) of shape \(got.shape)")
        return
      }
      measure(rule, try OutputValues.reals(of: got), try OutputValues.reals(of: other), min: min)
    }
  }

  private mutating func fail(_ rule: ToleranceRule, _ words: String) {
    verdict.failures.append("\(rule.kind): \(words)")
  }

  private mutating func measure(
    _ rule: ToleranceRule, _ got: [Double], _ reference: [Double], min: Double
  ) {
    let sqnr = Deviation.sqnr(got: got, reference: reference)
    verdict.sqnr = sqnr
    // A ratio that isn't a number fails too.
    if !(sqnr >= min) { fail(rule, "\(sqnr) dB, expected at least \(min) dB") }
  }

  private mutating func checkClose(
    _ rule: ToleranceRule, rtol: Double, atol: Double
  ) throws(OctetError) {
    let (g, w) = (try OutputValues.reals(of: got), try OutputValues.reals(of: want))
    var beyond = Deviation()
    for i in g.indices {
      let near =
        g[i] == w[i] || (g[i].isNaN && w[i].isNaN)
        || (g[i].isFinite && w[i].isFinite && abs(g[i] - w[i]) <= atol + rtol * abs(w[i]))
      beyond.note(i, difference: near ? 0 : abs(g[i] - w[i]))
    }
    if beyond.differing > 0 {
      let i = beyond.worstIndex
      fail(
        rule,
        "\(beyond.differing) of \(beyond.count) elements beyond rtol \(rtol), atol \(atol); "
          + "at \(position(i)) got \(g[i]), expected \(w[i])")
    }
  }

  private mutating func checkSteps(_ rule: ToleranceRule) throws(OctetError) {
    guard case .steps(let step, let max, let fraction, let limit) = rule else { return }
    let (g, w) = (try OutputValues.reals(of: got), try OutputValues.reals(of: want))
    var beyond = 0
    var worst = 0.0
    for i in g.indices where !(g[i] == w[i] || (g[i].isNaN && w[i].isNaN)) {
      let difference = abs(g[i] - w[i])
      // Written so that a difference that isn't a number counts as beyond.
      if !(difference <= (max + 0.01) * step) { beyond += 1 }
      worst = difference.isNaN ? .infinity : Swift.max(worst, difference)
    }
    if Double(beyond) > fraction * Double(g.count) {
      fail(
        rule,
        "\(beyond) of \(g.count) elements beyond \(max) steps of \(step), allowed \(fraction) of them"
      )
    }
    if !(worst <= (limit + 0.01) * step) {
      fail(rule, "a difference of \(worst / step) steps, allowed \(limit)")
    }
  }

  private func differences(_ deviation: Deviation) -> String {
    let i = deviation.worstIndex
    return
      "\(deviation.differing) of \(deviation.count) elements differ, at most by \(deviation.worst); "
      + "at \(position(i)) got \(element(got, i)), expected \(element(want, i))"
  }

  private func element(_ tensor: Tensor, _ index: Int) -> String {
    switch try? OutputValues(tensor) {
    case .integers(let values): "\(values[index])"
    case .reals(let values): "\(values[index])"
    case nil: "?"
    }
  }

  /// A place in logical order as an index of each dimension.
  private func position(_ index: Int) -> [Int] {
    var rest = index
    var place: [Int] = []
    for size in want.shape.reversed() {
      place.insert(rest % size, at: 0)
      rest /= size
    }
    return place
  }
}

// MARK: - Parameters of quantized outputs

extension OutputComparison {
  private mutating func checkParameters(_ tolerance: ParameterTolerance) {
    guard let g = got.quantizer?.parameters, let w = want.quantizer?.parameters else { return }
    switch (g, w) {
    case (.perTensor(let gs, let gz), .perTensor(let ws, let wz)):
      checkScales([gs], [ws], tolerance)
      checkZeroPoints([gz], [wz], tolerance)
    case (.perChannel(let gs, let gz, let ga), .perChannel(let ws, let wz, let wa)):
      checkAxis(ga, wa)
      checkScales(gs, ws, tolerance)
      checkZeroPoints(gz, wz, tolerance)
    case (.perChannelFloat(let gs, let gz, let ga), .perChannelFloat(let ws, let wz, let wa)):
      checkAxis(ga, wa)
      checkScales(gs.map(Double.init), ws.map(Double.init), tolerance)
      for (i, (x, y)) in zip(gz, wz).enumerated() {
        let allowed = tolerance.floatZeroPoint * (Double(abs(y)) + 256)
        if abs(Double(x) - Double(y)) > allowed {
          verdict.failures.append("zero point \(i) is \(x), expected \(y)")
          return
        }
      }
    default:
      verdict.failures.append(
        "scheme \(got.quantizer?.scheme.rawValue ?? "none"), "
          + "expected \(want.quantizer?.scheme.rawValue ?? "none")")
    }
  }

  private mutating func checkAxis(_ got: Int, _ want: Int) {
    if got != want { verdict.failures.append("axis \(got), expected \(want)") }
  }

  private mutating func checkScales(
    _ got: [Double], _ want: [Double], _ tolerance: ParameterTolerance
  ) {
    if got.count != want.count {
      verdict.failures.append("\(got.count) scales, expected \(want.count)")
      return
    }
    for i in got.indices where abs(got[i] - want[i]) > tolerance.scale * abs(want[i]) {
      verdict.failures.append("scale \(i) is \(got[i]), expected \(want[i])")
      return
    }
  }

  private mutating func checkZeroPoints(
    _ got: [Int], _ want: [Int], _ tolerance: ParameterTolerance
  ) {
    for (i, (g, w)) in zip(got, want).enumerated() where abs(g - w) > tolerance.zeroPoint {
      verdict.failures.append("zero point \(i) is \(g), expected \(w)")
      return
    }
  }
}
