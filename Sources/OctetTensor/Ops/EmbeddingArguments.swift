/// Bits of an embedding table's codes.
package enum EmbeddingBits: Int, Sendable {
  case eight = 8
  case four = 4
  case two = 2

  /// What torch calls the width in operators' names.
  var torchName: String { self == .eight ? "byte" : "\(rawValue)bit" }

  /// Codes in a byte.
  var perByte: Int { 8 / rawValue }

  /// Bytes of scale and bias behind the codes: two float32, or two float16.
  var tail: Int { self == .eight ? 8 : 4 }
}

/// Which arguments a call over bags has besides indices, and how its last bag ends.
struct BagForm: Sendable {
  let hasOffsets: Bool
  let hasWeights: Bool
  let includeLastOffset: Bool

  /// The offsets of inputs that begin with table and indices.
  func offsets<Value>(_ inputs: [Value]) -> Value? { hasOffsets ? inputs[2] : nil }

  /// The weights of inputs that begin with table and indices.
  func weights<Value>(_ inputs: [Value]) -> Value? {
    hasWeights ? inputs[hasOffsets ? 3 : 2] : nil
  }
}

extension Operator {
  /// Refuses indices of other types than int32 and int64.
  func requireIndices(_ spec: TensorSpec, _ argument: String) throws(OctetError) {
    guard spec.dtype == .int32 || spec.dtype == .int64 else {
      throw error(
        .dtypeMismatch, argument, expected: "dtype int32 or int64",
        received: "dtype \(spec.dtype.rawValue)", fix: "convert it to int64 first")
    }
  }

  /// The number of bags that indices, offsets and weights make, checked against each other.
  func bagCount(_ form: BagForm, _ inputs: [TensorSpec]) throws(OctetError) -> Int {
    let indices = inputs[1]
    try requireIndices(indices, "indices")
    if let weights = form.weights(inputs) {
      try require(weights, "per_sample_weights", dtypes: [.float32])
      guard weights.shape == indices.shape else {
        throw error(
          .shapeMismatch, "per_sample_weights",
          expected: "a weight for each index, shape \(indices.shape)",
          received: "shape \(weights.shape)")
      }
    }
    guard let offsets = form.offsets(inputs) else {
      guard indices.rank == 2 else {
        throw error(
          .shapeMismatch, "offsets",
          expected: "offsets for indices of shape \(indices.shape), or indices [bags, size]",
          received: "none", fix: "pass where each bag begins")
      }
      return indices.shape[0]
    }
    try requireIndices(offsets, "offsets")
    guard indices.rank == 1, offsets.rank == 1 else {
      throw error(
        .shapeMismatch, "offsets", expected: "offsets [bags] and indices [n]",
        received: "offsets \(offsets.shape) and indices \(indices.shape)",
        fix: indices.rank == 2 ? "leave the offsets out: every row is a bag" : "")
    }
    let ends = form.includeLastOffset ? 1 : 0
    guard offsets.shape[0] >= ends else {
      throw error(
        .shapeMismatch, "offsets", expected: "at least the last bag's end", received: "none")
    }
    return offsets.shape[0] - ends
  }

  /// Refuses the first index outside a table of `rows` rows.
  func checkIndices(_ indices: Tensor, rows: Int) throws(OctetError) {
    guard
      let (place, value) = indices.firstInteger(where: { _, index in
        index < 0 || index >= rows
      })
    else { return }
    throw error(
      .outOfRange, "indices", expected: "every index in 0..<\(rows)",
      received: "index \(value) at place \(place)")
  }

  /// Refuses offsets that don't begin at 0, fall, lie beyond the indices, or leave some of them out.
  func checkOffsets(_ offsets: Tensor, count: Int, includesLast: Bool) throws(OctetError) {
    let wrong = offsets.firstInteger { before, offset in
      offset < (before ?? 0) || offset > count || (before == nil && offset != 0)
    }
    if let (place, value) = wrong {
      throw error(
        .outOfRange, "offsets",
        expected: "offsets that begin at 0, never fall and end within the \(count) indices",
        received: "offset \(value) at place \(place)")
    }
    let last = offsets.lastInteger
    if includesLast ? last != count : last == nil && count > 0 {
      throw error(
        .shapeMismatch, "offsets",
        expected: includesLast
          ? "a last offset of \(count), the number of indices"
          : "the beginning of each bag of the \(count) indices",
        received: last.map { "\($0)" } ?? "no offsets")
    }
  }

  /// Checked, contiguous indices, offsets and weights. Indices `[bags, size]` get offsets of their own.
  func bagArguments(_ form: BagForm, _ inputs: [Tensor], rows: Int) throws(OctetError)
    -> (indices: Tensor, offsets: Tensor, weights: Tensor?, includesLast: Bool)
  {
    let indices = try inputs[1].contiguous()
    let weights = try form.weights(inputs)?.contiguous()
    try checkIndices(indices, rows: rows)
    guard let offsets = try form.offsets(inputs)?.contiguous() else {
      let size = indices.shape[1]
      let begins = try Tensor(
        (0..<indices.shape[0]).map { Int64($0 * size) }, shape: [indices.shape[0]])
      return (indices, begins, weights, false)
    }
    try checkOffsets(offsets, count: indices.count, includesLast: form.includeLastOffset)
    return (indices, offsets, weights, form.includeLastOffset)
  }
}

extension Tensor {
  /// The first element, with its place, of a contiguous int32 or int64 tensor for which `matches` holds; it also gets the element
  /// before, nil for the first.
  func firstInteger(where matches: (_ before: Int?, _ value: Int) -> Bool)
    -> (place: Int, value: Int)?
  {
    func search<Scalar: TensorScalar & FixedWidthInteger>(_ type: Scalar.Type) -> (Int, Int)? {
      withElements(Scalar.self) { values in
        var before: Int?
        for (place, element) in values.enumerated() {
          let value = Int(element)
          if matches(before, value) { return (place, value) }
          before = value
        }
        return nil
      }
    }
    return dtype == .int32 ? search(Int32.self) : search(Int64.self)
  }

  /// The last element of a contiguous int32 or int64 tensor, nil when there is none.
  var lastInteger: Int? {
    dtype == .int32
      ? withElements(Int32.self) { $0.last.map(Int.init) }
      : withElements(Int64.self) { $0.last.map(Int.init) }
  }

  /// The elements of a contiguous int32 or int64 tensor.
  var integers: [Int] {
    dtype == .int32
      ? withElements(Int32.self) { $0.map(Int.init) }
      : withElements(Int64.self) { $0.map(Int.init) }
  }
}
