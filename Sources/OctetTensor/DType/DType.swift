/// The element type of a tensor. Raw values are torch's names.
public enum DType: String, Sendable, CaseIterable, Codable {
  /// IEEE binary32.
  case float32
  /// IEEE binary16.
  case float16
  /// The upper half of a binary32.
  case bfloat16
  /// IEEE binary64.
  case float64
  /// 8-bit unsigned integer.
  case uint8
  /// 8-bit two's complement integer.
  case int8
  /// 16-bit two's complement integer.
  case int16
  /// 16-bit unsigned integer.
  case uint16
  /// 32-bit two's complement integer.
  case int32
  /// 64-bit two's complement integer.
  case int64
  /// One byte, 0 or 1.
  case bool
  /// Quantized, stored as uint8: 0...255.
  case quint8
  /// Quantized, stored as int8: -128...127.
  case qint8
  /// Quantized, stored as int32.
  case qint32
  /// Quantized, two values a byte, the earlier one in the low nibble: 0...15.
  case quint4x2
  /// Quantized, four values a byte, the earlier ones in the lower bits: 0...3.
  case quint2x4

  /// Bits that one element takes.
  public var bitWidth: Int {
    switch self {
    case .float64, .int64: 64
    case .float32, .int32, .qint32: 32
    case .float16, .bfloat16, .int16, .uint16: 16
    case .uint8, .int8, .bool, .quint8, .qint8: 8
    case .quint4x2: 4
    case .quint2x4: 2
    }
  }

  /// True for the quantized types, whose elements stand for `scale * (q - zeroPoint)`.
  public var isQuantized: Bool {
    switch self {
    case .quint8, .qint8, .qint32, .quint4x2, .quint2x4: true
    default: false
    }
  }

  /// True for the IEEE types and bfloat16.
  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: false
    }
  }

  /// The plain integer type that stores a quantized type's elements; the type itself otherwise.
  public var storageDType: DType {
    switch self {
    case .quint8, .quint4x2, .quint2x4: .uint8
    case .qint8: .int8
    case .qint32: .int32
    default: self
    }
  }

  /// The smallest and largest integer of an integer or quantized type, nil for the others.
  public var integerRange: ClosedRange<Int>? {
    switch self {
    case .quint8, .uint8: 0...255
    case .qint8, .int8: -128...127
    case .qint32, .int32: Int(Int32.min)...Int(Int32.max)
    case .quint4x2: 0...15
    case .quint2x4: 0...3
    case .int16: -32768...32767
    case .uint16: 0...65535
    case .int64: Int.min...Int.max
    case .bool: 0...1
    case .float32, .float16, .bfloat16, .float64: nil
    }
  }

  /// Bytes that `count` elements take; nil when the product doesn't fit.
  package func byteCount(_ count: Int) -> Int? {
    let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
    return overflow || bits > Int.max - 7 ? nil : (bits + 7) / 8
  }
}
