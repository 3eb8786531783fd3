import OctetTensor

/// The entries that make an entry of integers a quantized tensor; `saveTensors` documents them.
enum SafetensorsCompanions {
  /// What follows the tensor's name in its companions' names.
  enum Suffix: String, CaseIterable {
    case scale = ":scale"
    case zeroPoint = ":zero_point"
    case axis = ":axis"
    case shape = ":shape"
    case bits = ":bits"
  }
}

// MARK: - Reading

extension SafetensorsCompanions {
  /// Puts one quantized tensor together.
  struct Reader {
    let file: SafetensorsFile
    let base: SafetensorsFile.Entry

    func tensor() throws(OctetError) -> Tensor {
      for suffix in Suffix.allCases where file.isQuantized(base.name + suffix.rawValue) {
        throw failure("a companion that isn't quantized itself", "\(suffix) with a scale", base)
      }
      let (shape, dtype) = try layout()
      return try file.read(base, shape: shape, dtype: dtype, quantizer: quantizer(shape, dtype))
    }

    /// The logical shape and the quantized type.
    private func layout() throws(OctetError) -> (shape: [Int], dtype: DType) {
      let (shape, bits) = (companion(.shape), companion(.bits))
      guard let shape else {
        if let bits { throw failure("a shape beside the bits", "none", bits) }
        switch base.dtype {
        case .uint8: return (base.shape, .quint8)
        case .int8: return (base.shape, .qint8)
        case .int32: return (base.shape, .qint32)
        default:
          throw failure("U8, I8 or I32 integers beside a scale", base.dtype.rawValue, base)
        }
      }
      guard base.dtype == .uint8 else {
        throw failure("packed integers as U8", base.dtype.rawValue, base)
      }
      let dtype: DType
      switch try bits.map(integer) {
      case nil, 4: dtype = .quint4x2
      case 2: dtype = .quint2x4
      case let other?: throw failure("2 or 4 bits", "\(other)", bits ?? base)
      }
      let logical = try logicalShape(shape)
      guard case .bytes(let count) = SafetensorsSize(shape: logical, dtype: .uint8),
        let bytes = dtype.byteCount(count), bytes == base.dataRange.count
      else {
        throw failure(
          "a shape whose \(dtype.rawValue) elements pack into \(base.dataRange.count) bytes",
          "\(logical)", shape)
      }
      return (logical, dtype)
    }

    private func logicalShape(_ entry: SafetensorsFile.Entry) throws(OctetError) -> [Int] {
      guard entry.dtype == .int64, entry.shape.count == 1,
        entry.shape[0] <= SafetensorsLimits.rank
      else {
        throw failure(
          "a shape as I64 [rank] of at most \(SafetensorsLimits.rank) dimensions",
          describe(entry), entry)
      }
      let sizes = try elements(Int64.self, entry).map { Int(clamping: $0) }
      guard sizes.allSatisfy({ $0 >= 0 }) else {
        throw failure("dimensions that aren't negative", "\(sizes)", entry)
      }
      return sizes
    }

    private func quantizer(_ shape: [Int], _ dtype: DType) throws(OctetError) -> Quantizer {
      let scale = try required(.scale)
      let zeroPoint = try required(.zeroPoint)
      let axis = companion(.axis)
      guard [.float64, .float32].contains(scale.dtype),
        scale.shape.count == (axis == nil ? 0 : 1)
      else {
        throw failure(
          axis == nil
            ? "a scale as F64 or F32 [] without an axis"
            : "scales as F64 or F32 [C] beside an axis", describe(scale), scale)
      }
      let isReal = zeroPoint.dtype == .float32 && axis != nil
      guard isReal || [.int64, .int32].contains(zeroPoint.dtype), zeroPoint.shape == scale.shape
      else {
        throw failure(
          "zero points of the scale's shape as I64 or I32, or F32 per channel",
          describe(zeroPoint), zeroPoint)
      }
      let scales = try reals(scale)
      let operation = SafetensorsFile.operation
      do throws(OctetError) {
        guard let axis else {
          return try Quantizer(
            scale: scales[0], zeroPoint: integers(zeroPoint)[0], dtype: dtype, operation: operation)
        }
        let channelAxis = try integer(axis)
        if isReal {
          return try Quantizer(
            scales: scales.map(Float.init), floatZeroPoints: elements(Float.self, zeroPoint),
            axis: channelAxis, shape: shape, dtype: dtype, operation: operation)
        }
        return try Quantizer(
          scales: scales, zeroPoints: integers(zeroPoint), axis: channelAxis, shape: shape,
          dtype: dtype, operation: operation)
      } catch {
        var located = error
        guard error.code == .invalidQuantizer else { throw error }
        let wrong =
          switch error.argument {
          case "zero_point", "zero_points": zeroPoint
          case "axis": axis ?? scale
          default: scale
          }
        located.argument = "\(file.path), tensor \(quoted(base.name)), \(error.argument)"
        located.received += " at byte \(wrong.fileOffset)"
        throw located
      }
    }

    private func companion(_ suffix: Suffix) -> SafetensorsFile.Entry? {
      file[base.name + suffix.rawValue]
    }

    private func required(_ suffix: Suffix) throws(OctetError) -> SafetensorsFile.Entry {
      if let entry = companion(suffix) { return entry }
      throw failure("an entry \(quoted(base.name + suffix.rawValue))", "none", base)
    }

    /// The value of an I64 [].
    private func integer(_ entry: SafetensorsFile.Entry) throws(OctetError) -> Int {
      guard entry.dtype == .int64, entry.shape.isEmpty,
        let value = try elements(Int64.self, entry).first
      else { throw failure("an integer as I64 []", describe(entry), entry) }
      return Int(clamping: value)
    }

    /// The values of an F64 or F32 companion.
    private func reals(_ entry: SafetensorsFile.Entry) throws(OctetError) -> [Double] {
      entry.dtype == .float32
        ? try elements(Float.self, entry).map(Double.init) : try elements(Double.self, entry)
    }

    /// The values of an I64 or I32 companion.
    private func integers(_ entry: SafetensorsFile.Entry) throws(OctetError) -> [Int] {
      entry.dtype == .int32
        ? try elements(Int32.self, entry).map(Int.init)
        : try elements(Int64.self, entry).map { Int(clamping: $0) }
    }

    /// The elements of a companion whose dtype the caller has checked.
    private func elements<Scalar: BitwiseCopyable>(
      _ type: Scalar.Type, _ entry: SafetensorsFile.Entry
    ) throws(OctetError) -> [Scalar] {
      let width = MemoryLayout<Scalar>.stride
      return try file.source.view(entry.fileRange).withBytes { bytes in
        (0..<bytes.count / width).map {
          bytes.loadUnaligned(fromByteOffset: $0 * width, as: Scalar.self)
        }
      }
    }

    private func describe(_ entry: SafetensorsFile.Entry) -> String {
      "\(entry.dtype.rawValue) \(entry.shape)"
    }

    private func failure(
      _ expected: String, _ received: String, _ entry: SafetensorsFile.Entry
    ) -> OctetError {
      OctetError(
        .malformedFile, operation: SafetensorsFile.operation,
        argument: "\(file.path), tensor \(quoted(entry.name))", expected: expected,
        received: "\(received) at byte \(entry.fileOffset)")
    }
  }
}

// MARK: - Writing

extension SafetensorsCompanions {
  /// The entries that hold these tensors.
  static func entries(
    of tensors: [NamedTensor]
  ) throws(OctetError) -> [SafetensorsWriter.Entry] {
    let names = Set(tensors.map(\.0))
    var entries: [SafetensorsWriter.Entry] = []
    for (name, tensor) in tensors {
      try check(name, tensor, names: names)
      let isPacked = tensor.dtype.bitWidth < 8
      let packedCount = tensor.dtype.byteCount(tensor.count) ?? 0
      entries.append(
        SafetensorsWriter.Entry(
          name: name, dtype: SafetensorsDType(storing: tensor.dtype),
          shape: isPacked ? [packedCount] : tensor.shape
        ) { sink in
          let dense = try tensor.contiguous()
          try withExtendedLifetime(dense) { try sink(dense.withBytes { $0 }) }
        })
      if let quantizer = tensor.quantizer {
        entries += parameters(name, quantizer)
        if isPacked { entries += packing(name, tensor) }
      }
    }
    return entries
  }

  private static func check(
    _ name: String, _ tensor: Tensor, names: Set<String>
  ) throws(OctetError) {
    guard !tensor.isPlaceholder else {
      throw OctetError(
        .invalidArgument, operation: SafetensorsWriter.operation, argument: "tensors",
        expected: "computed tensors", received: "the result of a failed call as \(quoted(name))")
    }
    let reserved = tensor.isQuantized ? Suffix.allCases : [.scale]
    for suffix in reserved where names.contains(name + suffix.rawValue) {
      throw OctetError(
        .invalidArgument, operation: SafetensorsWriter.operation, argument: "tensors",
        expected: "no \(quoted(name + suffix.rawValue)) beside \(quoted(name)), whose companion it "
          + "would be", received: "both", fix: "rename one")
    }
  }

  private static func parameters(
    _ name: String, _ quantizer: Quantizer
  ) -> [SafetensorsWriter.Entry] {
    switch quantizer.parameters {
    case .perTensor(let scale, let zeroPoint):
      [self.scales(name, [], [scale]), zeros(name, [], [zeroPoint])]
    case .perChannel(let scales, let zeroPoints, let axis):
      [
        self.scales(name, [scales.count], scales), zeros(name, [scales.count], zeroPoints),
        entry(name, .axis, .int64, [], [Int64(axis)]),
      ]
    case .perChannelFloat(let scales, let zeroPoints, let axis):
      [
        self.scales(name, [scales.count], scales.map(Double.init)),
        entry(name, .zeroPoint, .float32, [zeroPoints.count], zeroPoints),
        entry(name, .axis, .int64, [], [Int64(axis)]),
      ]
    }
  }

  /// Scales as F32 when that loses nothing, which holds for all that observers calculate.
  private static func scales(
    _ name: String, _ shape: [Int], _ values: [Double]
  ) -> SafetensorsWriter.Entry {
    values.allSatisfy { Double(Float($0)) == $0 }
      ? entry(name, .scale, .float32, shape, values.map(Float.init))
      : entry(name, .scale, .float64, shape, values)
  }

  /// Zero points lie in the range of a quantized type, which is at most that of an int32.
  private static func zeros(
    _ name: String, _ shape: [Int], _ values: [Int]
  ) -> SafetensorsWriter.Entry {
    entry(name, .zeroPoint, .int32, shape, values.map { Int32(clamping: $0) })
  }

  private static func packing(_ name: String, _ tensor: Tensor) -> [SafetensorsWriter.Entry] {
    let shape = entry(name, .shape, .int64, [tensor.rank], tensor.shape.map(Int64.init))
    return tensor.dtype == .quint2x4
      ? [shape, entry(name, .bits, .int64, [], [Int64(2)])] : [shape]
  }

  private static func entry<Scalar: BitwiseCopyable>(
    _ name: String, _ suffix: Suffix, _ dtype: SafetensorsDType, _ shape: [Int], _ values: [Scalar]
  ) -> SafetensorsWriter.Entry {
    SafetensorsWriter.Entry(
      name: name + suffix.rawValue, dtype: dtype, shape: shape,
      bytes: values.withUnsafeBytes { Array($0) })
  }
}
