/// A Swift type that is the storage of a tensor's elements.
public protocol TensorScalar: Sendable, BitwiseCopyable {
  /// The plain element type it stores.
  static var dtype: DType { get }
}

extension Float: TensorScalar {
  /// float32.
  public static var dtype: DType { .float32 }
}
extension Double: TensorScalar {
  /// float64.
  public static var dtype: DType { .float64 }
}
extension Half: TensorScalar {
  /// float16.
  public static var dtype: DType { .float16 }
}
extension BFloat16: TensorScalar {
  /// bfloat16.
  public static var dtype: DType { .bfloat16 }
}
extension UInt8: TensorScalar {
  /// uint8.
  public static var dtype: DType { .uint8 }
}
extension Int8: TensorScalar {
  /// int8.
  public static var dtype: DType { .int8 }
}
extension Int16: TensorScalar {
  /// int16.
  public static var dtype: DType { .int16 }
}
extension UInt16: TensorScalar {
  /// uint16.
  public static var dtype: DType { .uint16 }
}
extension Int32: TensorScalar {
  /// int32.
  public static var dtype: DType { .int32 }
}
extension Int64: TensorScalar {
  /// int64.
  public static var dtype: DType { .int64 }
}
extension Bool: TensorScalar {
  /// bool.
  public static var dtype: DType { .bool }
}
