import OctetFormats
import OctetTensor

/// The tensors of a case file, quantized ones put together from their integers and companions.
package struct CaseTensors {
  private let file: SafetensorsFile

  /// Suffixes of the tensors that describe a quantized one.
  private static let companions: Set<String> = ["scale", "zero_point", "axis", "shape", "bits"]

  /// The tensors of `file`.
  package init(_ file: SafetensorsFile) { self.file = file }

  /// The tensors whose names begin with `group` and a slash, under what follows it.
  package func group(_ group: String) throws(OctetError) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for entry in file.entries where entry.name.hasPrefix("\(group)/") && !isCompanion(entry.name) {
      tensors[String(entry.name.dropFirst(group.count + 1))] = try tensor(entry)
    }
    return tensors
  }

  /// True for a tensor that only describes another one of the file.
  package func isCompanion(_ name: String) -> Bool {
    guard let colon = name.lastIndex(of: ":") else { return false }
    return Self.companions.contains(String(name[name.index(after: colon)...]))
      && file[String(name[..<colon])] != nil
  }

  /// The tensor of an entry, with its quantizer when it has companions.
  package func tensor(_ entry: SafetensorsFile.Entry) throws(OctetError) -> Tensor {
    guard let scale = file["\(entry.name):scale"] else { return try plain(entry) }
    let dtype = try quantizedType(entry)
    var shape = entry.shape
    if let logical = try integers("\(entry.name):shape") { shape = logical }
    let quantizer = try quantizer(entry.name, scale, shape: shape, dtype: dtype)
    return try load(entry, shape: shape, dtype: dtype, quantizer: quantizer)
  }

  private func quantizedType(_ entry: SafetensorsFile.Entry) throws(OctetError) -> DType {
    switch entry.dtype {
    case .uint8 where file["\(entry.name):shape"] == nil: return .quint8
    case .uint8: return try integers("\(entry.name):bits") == [2] ? .quint2x4 : .quint4x2
    case .int8: return .qint8
    case .int32: return .qint32
    default:
      throw failure(
        entry.name, expected: "U8, I8 or I32 for a quantized tensor", received: entry.dtype.rawValue
      )
    }
  }

  private func quantizer(
    _ name: String, _ scale: SafetensorsFile.Entry, shape: [Int], dtype: DType
  ) throws(OctetError) -> Quantizer {
    guard let zero = file["\(name):zero_point"] else {
      throw failure("\(name):zero_point", expected: "the tensor", received: "none")
    }
    let scales: [Double] = try plain(scale).converted(to: .float64).elements()
    if scale.shape.isEmpty {
      let zeros = try integers(zero.name) ?? []
      return try Quantizer(
        scale: scales[0], zeroPoint: zeros.first ?? 0, dtype: dtype, operation: name)
    }
    let axis = try integers("\(name):axis")?.first ?? 0
    if zero.dtype == .float32 {
      return try Quantizer(
        scales: scales.map { Float($0) }, floatZeroPoints: plain(zero).elements(), axis: axis,
        shape: shape, dtype: dtype, operation: name)
    }
    return try Quantizer(
      scales: scales, zeroPoints: integers(zero.name) ?? [], axis: axis, shape: shape,
      dtype: dtype, operation: name)
  }

  /// The elements of an integer tensor, nil when the file has none of that name.
  private func integers(_ name: String) throws(OctetError) -> [Int]? {
    guard let entry = file[name] else { return nil }
    guard let dtype = entry.dtype.dtype, !dtype.isFloatingPoint else {
      throw failure(name, expected: "integers", received: entry.dtype.rawValue)
    }
    let wide: [Int64] = try plain(entry).converted(to: .int64).elements()
    return wide.map(Int.init)
  }

  private func plain(_ entry: SafetensorsFile.Entry) throws(OctetError) -> Tensor {
    guard let dtype = entry.dtype.dtype else {
      throw failure(
        entry.name, expected: "an element type that tensors have", received: entry.dtype.rawValue)
    }
    return try load(entry, shape: entry.shape, dtype: dtype, quantizer: nil)
  }

  private func load(
    _ entry: SafetensorsFile.Entry, shape: [Int], dtype: DType, quantizer: Quantizer?
  ) throws(OctetError) -> Tensor {
    let bytes = try file.bytes(of: entry.name)
    let outcome: Result<Tensor, OctetError> = bytes.withUnsafeBytes { span in
      Result { () throws(OctetError) in
        try Tensor(
          bytes: span, shape: shape, dtype: dtype, quantizer: quantizer, operation: entry.name)
      }
    }
    return try outcome.get()
  }

  private func failure(_ name: String, expected: String, received: String) -> OctetError {
    OctetError(
      .malformedFile, operation: ParityAttributes.operation, argument: name, expected: expected,
      received: received)
  }
}
