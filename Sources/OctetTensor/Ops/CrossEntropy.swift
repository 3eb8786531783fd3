/// What a loss makes of its values. torch's `reduction`.
public enum LossReduction: String, Sendable, CaseIterable {
  /// Each value on its own.
  case none
  /// Their mean.
  case mean
  /// Their sum.
  case sum
}

/// The negative log-likelihood of classes under a softmax, in one step. torch.nn.functional.cross_entropy.
struct CrossEntropy: DifferentiableOperator {
  static let torchName = "cross_entropy"
  static let onnxName: String? = "SoftmaxCrossEntropyLoss"
  static var widensHalf: Bool { true }

  let reduction: LossReduction
  let labelSmoothing: Double
  let ignoredIndex: Int

  /// Inputs: logits `[N, C, ...]` and classes `[N, ...]`; or `[C]` and `[]`.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, target) = (inputs[0], inputs[1])
    try require(x, "input", dtypes: [.float32])
    try require(target, "target", dtypes: [.int64, .int32])
    var rest = x.shape
    if x.rank > 0 { rest.remove(at: x.rank == 1 ? 0 : 1) }
    guard x.rank > 0, target.shape == rest else {
      throw error(
        .shapeMismatch, "target", expected: "a class for each row of logits, shape \(rest)",
        received: "shape \(target.shape) for logits \(x.shape)")
    }
    guard (0...1).contains(labelSmoothing) else {
      throw error(
        .invalidArgument, "label_smoothing", expected: "a share in 0...1",
        received: "\(labelSmoothing)")
    }
    return TensorSpec(shape: reduction == .none ? rest : [], dtype: .float32)
  }

  /// Classes, and where the logits of row r lie: from `start(r)` in steps of `step`.
  private struct Rows {
    let classes: Int
    let step: Int
    let targets: [Int]
    let counted: Int

    func start(_ row: Int) -> Int { row / step * classes * step + row % step }
  }

  private func rows(_ shape: [Int], _ target: Tensor) throws(OctetError) -> Rows {
    let classes = shape.count == 1 ? shape[0] : shape[1]
    let targets = try target.contiguous().integers
    for (place, value) in targets.enumerated()
    where value != ignoredIndex && !(0..<classes).contains(value) {
      throw error(
        .outOfRange, "target", expected: "classes in 0..<\(classes)",
        received: "\(value) at place \(place)")
    }
    return Rows(
      classes: classes, step: shape.count > 2 ? max(shape[2...].reduce(1, *), 1) : 1,
      targets: targets, counted: targets.lazy.filter { $0 != ignoredIndex }.count)
  }

  /// `log Σ exp(x)` of a row, the largest element taken off first, in double.
  private static func logSum(_ x: UnsafePointer<Float>, _ rows: Rows) -> Double {
    var largest = -Float.infinity
    for c in 0..<rows.classes { largest = max(largest, x[c * rows.step]) }
    var sum = 0.0
    for c in 0..<rows.classes {
      sum += RealFunction.exp(Double(x[c * rows.step]) - Double(largest))
    }
    return Double(largest) + RealFunction.log(sum)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let rows = try rows(x.shape, inputs[1])
    var losses = [Double](repeating: 0, count: rows.targets.count)
    x.withElements(Float.self) { x in
      guard let x = x.baseAddress else { return }
      for (row, target) in rows.targets.enumerated() where target != ignoredIndex {
        let line = x + rows.start(row)
        let total = Self.logSum(line, rows)
        var loss = (1 - labelSmoothing) * (total - Double(line[target * rows.step]))
        if labelSmoothing > 0 {
          var sum = 0.0
          for c in 0..<rows.classes { sum += total - Double(line[c * rows.step]) }
          loss += labelSmoothing / Double(rows.classes) * sum
        }
        losses[row] = loss
      }
    }
    switch reduction {
    case .none: return try Tensor(losses.map { Float($0) }, shape: output.shape)
    case .sum: return Tensor(scalar: Float(losses.reduce(0, +)))
    case .mean: return Tensor(scalar: Float(losses.reduce(0, +) / Double(rows.counted)))
    }
  }

  /// `dx = (softmax(x) - smoothed target) * dy`, divided by the number of rows for a mean.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let x = try context.inputs[0].contiguous()
    let rows = try rows(x.shape, context.inputs[1])
    let flowing: [Float] = try context.gradient.elements()
    let result = try Tensor(repeating: Float(0), shape: x.shape)
    let even = labelSmoothing / Double(rows.classes)
    x.withElements(Float.self) { x in
      result.withMutableElements(Float.self) { dx in
        guard let x = x.baseAddress else { return }
        for (row, target) in rows.targets.enumerated() where target != ignoredIndex {
          let start = rows.start(row)
          let total = Self.logSum(x + start, rows)
          var dy = Double(flowing[reduction == .none ? row : 0])
          if reduction == .mean { dy /= Double(rows.counted) }
          for c in 0..<rows.classes {
            let place = start + c * rows.step
            let wanted = even + (c == target ? 1 - labelSmoothing : 0)
            dx[place] = Float((RealFunction.exp(Double(x[place]) - total) - wanted) * dy)
          }
        }
      }
    }
    return [result, nil]
  }
}

extension Functional {
  /// `-log softmax(x)[target]`; with smoothing ε: `(1 - ε)` of that and `ε / C` of the sum over all classes; sums in double.
  /// torch.nn.functional.cross_entropy.
  ///
  /// - Parameters:
  ///   - input: logits, float32 or a half type, `[N, C, ...]` or `[C]`.
  ///   - target: classes, int64 or int32 `[N, ...]` or `[]`.
  ///   - labelSmoothing: ε in 0...1.
  ///   - ignoredIndex: a target that counts for nothing. torch's `ignore_index`.
  public static func crossEntropy(
    _ input: Tensor, target: Tensor, reduction: LossReduction = .mean,
    labelSmoothing: Double = 0, ignoredIndex: Int = -100
  ) throws(OctetError) -> Tensor {
    try apply(
      CrossEntropy(
        reduction: reduction, labelSmoothing: labelSmoothing, ignoredIndex: ignoredIndex),
      [input, target])
  }
}
