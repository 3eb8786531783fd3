extension Functional {
  // `dims` are the dimensions that go, all of them when the list is empty; `keepDims` leaves size 1 in their place. Float dtypes
  // (half types are computed in float32); sums are taken in double and rounded once.

  /// The sum over `dims`; integers and truth values are summed in int64. torch.sum.
  public static func sum(_ input: Tensor, dims: [Int] = [], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try apply(Reduction(kind: .sum, dims: dims, keepDims: keepDims), [input])
  }

  /// The product over `dims`; integers are multiplied in int64. torch.prod.
  public static func product(_ input: Tensor, dims: [Int] = [], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try apply(Reduction(kind: .product, dims: dims, keepDims: keepDims), [input])
  }

  /// The largest element over `dims`; equal ones share the gradient. torch.amax.
  public static func maximum(_ input: Tensor, dims: [Int], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try apply(Reduction(kind: .maximum, dims: dims, keepDims: keepDims), [input])
  }

  /// The smallest element over `dims`; equal ones share the gradient. torch.amin.
  public static func minimum(_ input: Tensor, dims: [Int], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try apply(Reduction(kind: .minimum, dims: dims, keepDims: keepDims), [input])
  }

  /// `sum((x - mean)²) / (n - correction)` over `dims`. torch.var.
  public static func variance(
    _ input: Tensor, dims: [Int] = [], correction: Double = 1, keepDims: Bool = false
  ) throws(OctetError) -> Tensor {
    let kind = Reduction.Kind.variance(correction: correction)
    return try apply(Reduction(kind: kind, dims: dims, keepDims: keepDims), [input])
  }

  /// The square root of `variance`. torch.std.
  public static func standardDeviation(
    _ input: Tensor, dims: [Int] = [], correction: Double = 1, keepDims: Bool = false
  ) throws(OctetError) -> Tensor {
    let kind = Reduction.Kind.standardDeviation(correction: correction)
    return try apply(Reduction(kind: kind, dims: dims, keepDims: keepDims), [input])
  }

  /// `sum(|x|ᵖ)^(1/p)` over `dims`; infinite orders give the largest or smallest `|x|`, order 0 counts what isn't 0.
  /// torch.linalg.vector_norm.
  public static func norm(
    _ input: Tensor, order: Double = 2, dims: [Int] = [], keepDims: Bool = false
  ) throws(OctetError) -> Tensor {
    try apply(Reduction(kind: .norm(order: order), dims: dims, keepDims: keepDims), [input])
  }

  /// `log(sum(exp(x)))` over `dims`, without overflow. torch.logsumexp.
  public static func logSumExp(_ input: Tensor, dims: [Int] = [], keepDims: Bool = false)
    throws(OctetError) -> Tensor
  {
    try apply(Reduction(kind: .logSumExp, dims: dims, keepDims: keepDims), [input])
  }
}

extension Tensor {
  /// `Functional.sum`, trapping on mistakes.
  public func sum(dims: [Int] = [], keepDims: Bool = false) -> Tensor {
    eager { try Functional.sum(self, dims: dims, keepDims: keepDims) }
  }

  /// `Functional.product`, trapping on mistakes.
  public func product(dims: [Int] = [], keepDims: Bool = false) -> Tensor {
    eager { try Functional.product(self, dims: dims, keepDims: keepDims) }
  }

  /// `Functional.mean`, trapping on mistakes.
  public func mean(dims: [Int] = [], keepDims: Bool = false) -> Tensor {
    eager { try Functional.mean(self, dims: dims, keepDims: keepDims) }
  }

  /// `Functional.variance`, trapping on mistakes.
  public func variance(dims: [Int] = [], correction: Double = 1, keepDims: Bool = false)
    -> Tensor
  {
    eager {
      try Functional.variance(self, dims: dims, correction: correction, keepDims: keepDims)
    }
  }

  /// `Functional.standardDeviation`, trapping on mistakes.
  public func standardDeviation(
    dims: [Int] = [], correction: Double = 1, keepDims: Bool = false
  ) -> Tensor {
    eager {
      try Functional.standardDeviation(
        self, dims: dims, correction: correction, keepDims: keepDims)
    }
  }

  /// `Functional.norm`, trapping on mistakes.
  public func norm(order: Double = 2, dims: [Int] = [], keepDims: Bool = false) -> Tensor {
    eager { try Functional.norm(self, order: order, dims: dims, keepDims: keepDims) }
  }

  /// `Functional.logSumExp`, trapping on mistakes.
  public func logSumExp(dims: [Int] = [], keepDims: Bool = false) -> Tensor {
    eager { try Functional.logSumExp(self, dims: dims, keepDims: keepDims) }
  }
}
