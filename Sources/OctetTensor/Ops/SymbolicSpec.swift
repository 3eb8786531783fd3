/// What a shape rule knows of a tensor, for any batch of N ≥ 1.
package struct SymbolicSpec: Sendable, Equatable {
  package var shape: SymbolicShape
  package var dtype: DType
  package var quantizer: Quantizer?

  package init(shape: SymbolicShape, dtype: DType, quantizer: Quantizer? = nil) {
    (self.shape, self.dtype, self.quantizer) = (shape, dtype, quantizer)
  }

  /// The spec for a batch of `batch`.
  package func evaluated(batch: Int) throws(OctetError) -> TensorSpec {
    TensorSpec(shape: try shape.evaluated(batch: batch), dtype: dtype, quantizer: quantizer)
  }

  fileprivate func widened(from narrow: DType) -> SymbolicSpec {
    dtype == narrow ? SymbolicSpec(shape: shape, dtype: .float32) : self
  }
}

/// The batches that a shape rule is asked about to learn what it does to any.
private enum ProbedBatches {
  // Large primes: no size of a model equals one by accident, and no division of one comes out even.
  static let solving = (first: 10_007, second: 20_011)
  // Small batches, where sizes of 1 broadcast and squeeze and where windows and ranges find too little; many divisors; one
  // more prime.
  static let verifying = [1, 2, 3, 4, 6, 12, 720, 30_011]
}

extension Operator {
  /// The rule `outputSpec` for symbolic batches: what the result is for any N ≥ 1.
  ///
  /// The operator's own rule is applied at two batches, which gives the sizes `a * N + b` of the result, and at eight more,
  /// where it has to agree. Half types are widened, as in `apply`.
  ///
  /// - Throws: `shapeMismatch` when the rule refuses some batch or doesn't go in steps with it (pooling over the batch, a reshape
  ///   that holds for one batch alone), `invalidQuantizer` for channels along a symbolic dimension, and what the rule itself
  ///   throws when nothing is symbolic.
  package func symbolicOutputSpec(_ inputs: [SymbolicSpec]) throws(OctetError) -> SymbolicSpec {
    if Self.widensHalf, let narrow = inputs.first(where: \.dtype.isHalf)?.dtype {
      var result = try symbolicOutputSpec(inputs.map { $0.widened(from: narrow) })
      if result.dtype == .float32 { result.dtype = narrow }
      return result
    }
    guard inputs.contains(where: \.shape.isSymbolic) else {
      let spec = try outputSpec(inputs.evaluated(batch: 1))
      return SymbolicSpec(
        shape: SymbolicShape(spec.shape), dtype: spec.dtype, quantizer: spec.quantizer)
    }
    for input in inputs {
      guard let axis = input.quantizer?.axis, input.shape.sizes[axis].isSymbolic else { continue }
      throw error(
        .invalidQuantizer, "input",
        expected: "parameters for each channel of a dimension that the batch leaves alone",
        received: "channels along the dimension \(axis) of \(input.shape)",
        fix: "the operator doesn't carry a symbolic batch: quantize along another axis")
    }
    let (n, m) = ProbedBatches.solving
    let result = try solved(inputs, probed(inputs, n), probed(inputs, m))
    for batch in ProbedBatches.verifying {
      let spec = try probed(inputs, batch)
      guard let expected = try? result.evaluated(batch: batch), spec == expected else {
        throw noBatch(inputs, "\(result.shape), as for N = \(n) and \(m)", spec, batch)
      }
    }
    return result
  }

  /// The spec that is affine in the batch and gives the two that were found.
  private func solved(_ inputs: [SymbolicSpec], _ first: TensorSpec, _ second: TensorSpec)
    throws(OctetError) -> SymbolicSpec
  {
    let (n, m) = ProbedBatches.solving
    guard first.rank == second.rank, first.dtype == second.dtype,
      first.quantizer == second.quantizer
    else {
      throw noBatch(inputs, "\(first.summary), as for N = \(n)", second, m)
    }
    var sizes: [SymbolicSize] = []
    for (small, large) in zip(first.shape, second.shape) {
      let (factor, rest) = (large - small).quotientAndRemainder(dividingBy: m - n)
      let (product, overflows) = factor.multipliedReportingOverflow(by: n)
      guard rest == 0, !overflows else {
        throw noBatch(
          inputs, "sizes a * N + b with whole a and b; for N = \(n) it is \(first.shape)", second, m
        )
      }
      sizes.append(SymbolicSize(factor: factor, offset: small - product))
    }
    return SymbolicSpec(
      shape: SymbolicShape(sizes), dtype: first.dtype, quantizer: first.quantizer)
  }

  /// The operator's own rule for one batch.
  private func probed(_ inputs: [SymbolicSpec], _ batch: Int) throws(OctetError) -> TensorSpec {
    do throws(OctetError) {
      return try outputSpec(inputs.evaluated(batch: batch))
    } catch {
      // What is wrong for any batch is said as for numbers.
      guard error.code == .shapeMismatch || error.code == .outOfRange else { throw error }
      throw self.error(
        error.code, error.argument.isEmpty ? "input" : error.argument,
        expected: "a rule for any batch N ≥ 1",
        received: "\(inputs.words); for N = \(batch) expected: \(error.expected), received: "
          + error.received,
        fix: "the operator doesn't carry a symbolic batch: keep the batch a dimension of its own")
    }
  }

  private func noBatch(
    _ inputs: [SymbolicSpec], _ expected: String, _ found: TensorSpec, _ batch: Int
  ) -> OctetError {
    error(
      .shapeMismatch, "input", expected: expected,
      received: "\(inputs.words), which for N = \(batch) give \(found.summary)",
      fix: "the operator doesn't carry a symbolic batch: keep the batch a dimension of its own")
  }
}

extension [SymbolicSpec] {
  fileprivate func evaluated(batch: Int) throws(OctetError) -> [TensorSpec] {
    var specs: [TensorSpec] = []
    for spec in self { specs.append(try spec.evaluated(batch: batch)) }
    return specs
  }

  fileprivate var words: String {
    "shapes \(map(\.shape.description).joined(separator: ", "))"
  }
}

extension TensorSpec {
  fileprivate var summary: String {
    "\(shape) of \(dtype.rawValue)" + (quantizer.map { ", \($0.scheme.rawValue)" } ?? "")
  }
}
