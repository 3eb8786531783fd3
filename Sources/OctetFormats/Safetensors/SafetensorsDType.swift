import OctetTensor

/// The element types that safetensors names. Raw values are the format's names.
public enum SafetensorsDType: String, Sendable, CaseIterable, Codable {
  /// One byte, 0 or 1.
  case bool = "BOOL"
  /// 4-bit float, two values a byte.
  case float4 = "F4"
  /// 6-bit float with 2 exponent and 3 mantissa bits.
  case float6E2M3 = "F6_E2M3"
  /// 6-bit float with 3 exponent and 2 mantissa bits.
  case float6E3M2 = "F6_E3M2"
  /// 8-bit unsigned integer.
  case uint8 = "U8"
  /// 8-bit two's complement integer.
  case int8 = "I8"
  /// 8-bit float with 5 exponent and 2 mantissa bits.
  case float8E5M2 = "F8_E5M2"
  /// 8-bit float with 4 exponent and 3 mantissa bits.
  case float8E4M3 = "F8_E4M3"
  /// 8-bit power of two.
  case float8E8M0 = "F8_E8M0"
  /// 16-bit two's complement integer.
  case int16 = "I16"
  /// 16-bit unsigned integer.
  case uint16 = "U16"
  /// IEEE binary16.
  case float16 = "F16"
  /// The upper half of a binary32.
  case bfloat16 = "BF16"
  /// 32-bit two's complement integer.
  case int32 = "I32"
  /// 32-bit unsigned integer.
  case uint32 = "U32"
  /// IEEE binary32.
  case float32 = "F32"
  /// Two binary32: real and imaginary part.
  case complex64 = "C64"
  /// IEEE binary64.
  case float64 = "F64"
  /// 64-bit two's complement integer.
  case int64 = "I64"
  /// 64-bit unsigned integer.
  case uint64 = "U64"

  /// Bits that one element takes.
  public var bitWidth: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0: 8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .int32, .uint32, .float32: 32
    case .complex64, .float64, .int64, .uint64: 64
    }
  }

  /// The format's type for the elements of a dense tensor, or for the integers of a quantized one.
  public init(storing dtype: DType) {
    switch dtype.storageDType {
    case .bool: self = .bool
    case .int8: self = .int8
    case .int16: self = .int16
    case .uint16: self = .uint16
    case .int32: self = .int32
    case .int64: self = .int64
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .float32: self = .float32
    case .float64: self = .float64
    case .uint8, .quint8, .qint8, .qint32, .quint4x2, .quint2x4: self = .uint8
    }
  }

  /// The element type of a dense tensor that holds these elements, nil when Octet has none.
  public var dtype: DType? {
    switch self {
    case .bool: .bool
    case .uint8: .uint8
    case .int8: .int8
    case .int16: .int16
    case .uint16: .uint16
    case .int32: .int32
    case .int64: .int64
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32: .float32
    case .float64: .float64
    case .float4, .float6E2M3, .float6E3M2, .float8E5M2, .float8E4M3, .float8E8M0, .uint32,
      .complex64, .uint64:
      nil
    }
  }
}

/// What a tensor of a file weighs.
enum SafetensorsSize: Equatable {
  /// Whole bytes.
  case bytes(Int)
  /// More bits than an integer counts.
  case tooLarge
  /// Bits that don't fill their last byte.
  case partialByte(bits: Int)

  /// The size of a tensor: the product of its dimensions, none negative, times the element's width.
  ///
  /// The product of the dimensions that aren't zero must be countable too, since strides are made of it.
  init(shape: [Int], dtype: SafetensorsDType) {
    var product = dtype.bitWidth
    for dimension in shape where dimension != 0 {
      let (value, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard !overflow else {
        self = .tooLarge
        return
      }
      product = value
    }
    if shape.contains(0) { product = 0 }
    self = product % 8 == 0 ? .bytes(product / 8) : .partialByte(bits: product)
  }
}
