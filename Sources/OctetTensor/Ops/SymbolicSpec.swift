/// The size of a dimension as a function of the batch: `perBatch · N + constant`.
package struct SymbolicDimension: Sendable, Hashable, ExpressibleByIntegerLiteral,
  CustomStringConvertible
{
  package let perBatch: Int
  package let constant: Int

  package init(perBatch: Int, constant: Int = 0) {
    (self.perBatch, self.constant) = (perBatch, constant)
  }

  package init(integerLiteral value: Int) { self.init(perBatch: 0, constant: value) }

  /// The batch itself.
  package static let batch = SymbolicDimension(perBatch: 1)

  /// The line through two sizes; nil when the slope isn't whole.
  init?(_ first: (batch: Int, size: Int), _ second: (batch: Int, size: Int)) {
    let (slope, rest) =
      (second.size - first.size).quotientAndRemainder(dividingBy: second.batch - first.batch)
    guard rest == 0 else { return nil }
    self.init(perBatch: slope, constant: first.size - slope * first.batch)
  }

  /// The size for a batch of `n`; nil when it is no size or beyond Int.
  package func size(_ n: Int) -> Int? {
    let (product, overflow) = perBatch.multipliedReportingOverflow(by: n)
    let (sum, carry) = product.addingReportingOverflow(constant)
    return overflow || carry || sum < 0 ? nil : sum
  }

  package var description: String {
    if perBatch == 0 { return "\(constant)" }
    let multiple = perBatch == 1 ? "N" : "\(perBatch)N"
    if constant == 0 { return multiple }
    return constant > 0 ? "\(multiple) + \(constant)" : "\(multiple) - \(-constant)"
  }
}

/// A `TensorSpec` whose dimensions may depend on a batch N that isn't known yet.
package struct SymbolicSpec: Sendable, Equatable, CustomStringConvertible {
  package var shape: [SymbolicDimension]
  package var dtype: DType
  package var quantizer: Quantizer?

  package init(shape: [SymbolicDimension], dtype: DType, quantizer: Quantizer? = nil) {
    (self.shape, self.dtype, self.quantizer) = (shape, dtype, quantizer)
  }

  /// What doesn't depend on the batch.
  package init(_ spec: TensorSpec) {
    self.init(
      shape: spec.shape.map { SymbolicDimension(perBatch: 0, constant: $0) }, dtype: spec.dtype,
      quantizer: spec.quantizer)
  }

  /// The spec for a batch of `n`; nil when a dimension has no size there.
  package func at(_ n: Int) -> TensorSpec? {
    let sizes = shape.compactMap { $0.size(n) }
    guard sizes.count == shape.count else { return nil }
    return TensorSpec(shape: sizes, dtype: dtype, quantizer: quantizer)
  }

  package var description: String {
    "[\(shape.map(\.description).joined(separator: ", "))] \(dtype.rawValue)"
  }
}

extension Operator {
  /// The shape rule for a batch N that isn't known yet: N stands for any size from 1 up.
  ///
  /// There is no second rule. `outputSpec` is asked at two batch sizes, primes above every size in sight, so that none of
  /// them broadcasts or divides by accident; each dimension of the result is the line a·N + b through the two. What the rule
  /// says at further sizes, 1 among them, must lie on these lines.
  ///
  /// - Throws: the rule's own error when it refuses all sizes; otherwise `shapeMismatch` that names the size where the rule
  ///   refuses or leaves the line: an attribute holds one batch's size, or the operator counts windows along the batch.
  package func symbolicOutputSpec(_ inputs: [SymbolicSpec]) throws(OctetError) -> SymbolicSpec {
    for input in inputs {
      if let axis = input.quantizer?.axis, input.shape[axis].perBatch != 0 {
        throw error(
          .invalidQuantizer, "input", expected: "a channel axis of one size",
          received: "\(input) with the quantizer's channels along axis \(axis)",
          fix: "quantize along another axis, or per tensor")
      }
    }
    let primes = BatchSizes.primes(above: inputs.flatMap(\.shape))
    let first: TensorSpec
    let second: TensorSpec
    do throws(OctetError) {
      first = try spec(inputs, at: primes.0)
      second = try spec(inputs, at: primes.1)
    } catch {
      for n in BatchSizes.checked where (try? spec(inputs, at: n)) != nil {
        throw leavesBatch("a result at a batch of \(n), none at \(primes.0): \(error)")
      }
      throw error
    }
    var shape: [SymbolicDimension] = []
    for (a, b) in zip(first.shape, second.shape) {
      guard let line = SymbolicDimension((primes.0, a), (primes.1, b)) else {
        throw leavesBatch(
          "shapes \(first.shape) and \(second.shape) for batches of \(primes.0) and \(primes.1)")
      }
      shape.append(line)
    }
    let result = SymbolicSpec(shape: shape, dtype: first.dtype, quantizer: first.quantizer)
    for n in [primes.1] + BatchSizes.checked {
      let concrete: TensorSpec
      do throws(OctetError) {
        concrete = try spec(inputs, at: n)
      } catch {
        throw leavesBatch("at a batch of \(n): \(error)")
      }
      guard result.at(n) == concrete else {
        throw leavesBatch("shape \(concrete.shape) at a batch of \(n), not \(result)")
      }
    }
    return result
  }

  private func spec(_ inputs: [SymbolicSpec], at n: Int) throws(OctetError) -> TensorSpec {
    let concrete = inputs.compactMap { $0.at(n) }
    guard concrete.count == inputs.count else {
      throw error(
        .shapeMismatch, "input", expected: "sizes of at least 0 for every batch",
        received: "\(inputs) at a batch of \(n)", fix: "give the input a larger constant part")
    }
    return try outputSpec(concrete)
  }

  private func leavesBatch(_ received: String) -> OctetError {
    error(
      .shapeMismatch, "input", expected: "a result whose sizes are a·N + b for every batch N",
      received: received,
      fix: "keep the batch out of this operator's attributes (-1 in a view), or fix its size")
  }
}

/// The batch sizes at which a rule is asked.
private enum BatchSizes {
  /// Small sizes, where rules have their corners, and one that no usual layer has.
  static let checked = [1, 2, 3, 8, 641]

  /// Two primes above every size that the dimensions hold.
  static func primes(above dimensions: [SymbolicDimension]) -> (Int, Int) {
    let largest = dimensions.map { max(abs($0.perBatch), abs($0.constant)) }.max() ?? 0
    let first = prime(from: max(1009, min(largest, 1 << 20) + 1))
    return (first, prime(from: 2 * first))
  }

  private static func prime(from start: Int) -> Int {
    var n = start | 1
    while !stride(from: 3, through: Int(Double(n).squareRoot()), by: 2).allSatisfy({ n % $0 != 0 })
    { n += 2 }
    return n
  }
}
