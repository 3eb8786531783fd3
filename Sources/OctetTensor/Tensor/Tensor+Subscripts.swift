/// `x[1, 2..., .all]`: views, and assignment by real value.
extension Tensor {
  /// A view of the slices that the indices name, one for each dimension from the front; dimensions without an index are
  /// whole. What `x[...]` gives, with errors thrown.
  ///
  /// - Throws: `outOfRange` for an index outside its dimension; `invalidArgument` for too many indices or two ellipses.
  public func view(at indices: [any TensorIndex]) throws(OctetError) -> Tensor {
    let kinds = try spelledOut(indices.map(\.element.kind))
    var (result, dim) = (self, 0)
    for kind in kinds {
      switch kind {
      case .at(let index): result = try result.select(dim: dim, index: index)
      case .newAxis:
        result = try result.unsqueezed(dim)
        dim += 1
      case .ellipsis: dim += 1
      case .slice(let start, let end, let step):
        result = try result.sliced(dim, from: start, to: end, by: step)
        dim += 1
      }
    }
    return result
  }

  /// The indices with an ellipsis for each dimension that one stands for.
  private func spelledOut(_ kinds: [IndexElement.Kind]) throws(OctetError)
    -> [IndexElement.Kind]
  {
    let named = kinds.count { $0 != .newAxis && $0 != .ellipsis }
    guard named <= rank, kinds.count(where: { $0 == .ellipsis }) <= 1 else {
      throw OctetError(
        .invalidArgument, operation: "subscript", argument: "indices",
        expected: "at most \(rank) indices and one ellipsis for shape \(shape)",
        received: "\(named) indices")
    }
    guard let place = kinds.firstIndex(of: .ellipsis) else { return kinds }
    let whole = [IndexElement.Kind](repeating: .ellipsis, count: rank - named)
    return kinds[..<place] + whole + kinds[(place + 1)...]
  }

  /// Both ends counted from the back when negative.
  private func sliced(_ dim: Int, from start: Int, to end: Int?, by step: Int)
    throws(OctetError) -> Tensor
  {
    let size = shape[dim]
    func bound(_ value: Int) -> Int { value < 0 ? value + size : value }
    let (first, last) = (bound(start), end.map(bound) ?? size)
    guard first >= 0, first <= size, last >= first, last <= size else {
      throw OctetError(
        .outOfRange, operation: "subscript", argument: "index \(dim)",
        expected: "a range inside 0..<\(size)",
        received: "\(start)..<\(end.map(String.init) ?? "end")")
    }
    return try slice(dim: dim, first..<last, step: step)
  }

  /// Writes `value` into the slices that the indices name, by real value: broadcast, converted, and rounded to this tensor's
  /// quantizer where it has another or none. What `x[...] = value` does, with errors thrown.
  public func assign(_ value: Tensor, at indices: [any TensorIndex]) throws(OctetError) {
    try requireUnrecorded("subscript", [self, value])
    let place = try view(at: indices)
    guard Shapes.broadcast(place.shape, value.shape) == place.shape else {
      throw OctetError(
        .shapeMismatch, operation: "subscript", argument: "newValue",
        expected: "a shape that broadcasts to \(place.shape)", received: "shape \(value.shape)")
    }
    try place.requireOwnPlaces("subscript")
    // What is read must not be what is written.
    let source = value.storage === storage ? try value.clone() : value
    let stored = try source.stored(like: place)
    try place.copyElements(
      from: stored.shape == place.shape ? stored : stored.expanded(place.shape))
    storage.markChanged()
  }

  /// The same real values in the dtype and quantizer of `place`, of one's own shape.
  private func stored(like place: Tensor) throws(OctetError) -> Tensor {
    if dtype == place.dtype, quantizer == place.quantizer { return self }
    guard let target = place.quantizer else {
      return try (isQuantized ? dequantized() : self).converted(to: place.dtype)
    }
    let real = isQuantized ? try dequantized() : try converted(to: .float32)
    // A channel's parameters are those of its place.
    let whole = target.axis == nil ? real : try real.expanded(place.shape)
    return try Functional.quantize(whole, target, dtype: place.dtype)
  }

  /// Refuses views in which two indices are one element.
  private func requireOwnPlaces(_ operation: String) throws(OctetError) {
    for (size, stride) in zip(shape, strides) where size > 1 && stride == 0 {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "self",
        expected: "a tensor with an element of its own for each index",
        received: "an expanded view of shape \(shape)", fix: "clone it first")
    }
  }

  /// Every element becomes `value`, rounded to the quantizer or dtype. torch's `fill_`.
  public func fill(_ value: Double) throws(OctetError) {
    let one = isQuantized ? Tensor(scalar: Float(value)) : Tensor(scalar: value)
    try assign(one, at: [])
  }

  /// Takes over the stored integers of `source`, of the same shape, as they are; this tensor keeps its own quantizer, so real
  /// values change where the quantizers differ.
  ///
  /// - Parameter source: quantized or plain, stored as this tensor's integers are.
  public func copyIntRepr(from source: Tensor) throws(OctetError) {
    try requireUnrecorded("copyIntRepr", [self, source])
    guard isQuantized, dtype.storageDType == source.dtype.storageDType,
      dtype.bitWidth == source.dtype.bitWidth
    else {
      throw OctetError(
        .dtypeMismatch, operation: "copyIntRepr", argument: "source",
        expected: "integers stored as \(dtype.storageDType.rawValue), for a quantized tensor",
        received: "dtype \(source.dtype.rawValue) for \(dtype.rawValue)")
    }
    guard shape == source.shape else {
      throw OctetError(
        .shapeMismatch, operation: "copyIntRepr", argument: "source",
        expected: "shape \(shape)", received: "shape \(source.shape)")
    }
    try requireOwnPlaces("copyIntRepr")
    try copyElements(from: source.storage === storage ? source.clone() : source)
    storage.markChanged()
  }
}

// Swift 6.3 can't compile setters over parameter packs, so each number of indices has a subscript.
extension Tensor {
  private func get(_ indices: [any TensorIndex]) -> Tensor { eager { try view(at: indices) } }

  private func set(_ value: Tensor, _ indices: [any TensorIndex]) {
    if value.isPlaceholder || isPlaceholder { return }
    _ = eager {
      try assign(value, at: indices)
      return self
    }
  }

  /// The view under an index; assignment is by real value. Traps on mistakes.
  public subscript<A: TensorIndex>(_ a: A) -> Tensor {
    get { get([a]) }
    set { set(newValue, [a]) }
  }

  /// As `x[a]`, with an index for each dimension.
  public subscript<A: TensorIndex, B: TensorIndex>(_ a: A, _ b: B) -> Tensor {
    get { get([a, b]) }
    set { set(newValue, [a, b]) }
  }

  /// As `x[a]`, with an index for each dimension.
  public subscript<A: TensorIndex, B: TensorIndex, C: TensorIndex>(_ a: A, _ b: B, _ c: C) -> Tensor
  {
    get { get([a, b, c]) }
    set { set(newValue, [a, b, c]) }
  }

  /// As `x[a]`, with an index for each dimension.
  public subscript<A: TensorIndex, B: TensorIndex, C: TensorIndex, D: TensorIndex>(_ a: A, _ b: B,
    _ c: C, _ d: D
  ) -> Tensor {
    get { get([a, b, c, d]) }
    set { set(newValue, [a, b, c, d]) }
  }

  /// As `x[a]`, with an index for each dimension.
  public subscript<A: TensorIndex, B: TensorIndex, C: TensorIndex, D: TensorIndex, E: TensorIndex>(
    _ a: A, _ b: B, _ c: C, _ d: D, _ e: E
  ) -> Tensor {
    get { get([a, b, c, d, e]) }
    set { set(newValue, [a, b, c, d, e]) }
  }

  /// As `x[a]`, with an index for each dimension.
  public subscript<
    A: TensorIndex, B: TensorIndex, C: TensorIndex, D: TensorIndex, E: TensorIndex, F: TensorIndex
  >(_ a: A, _ b: B, _ c: C, _ d: D, _ e: E, _ f: F) -> Tensor {
    get { get([a, b, c, d, e, f]) }
    set { set(newValue, [a, b, c, d, e, f]) }
  }
}
