#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The C library's functions of one float32, the ones that torch's scalar loops call.
enum RealFunction {
  static func exp(_ x: Float) -> Float { expf(x) }
  static func expMinusOne(_ x: Float) -> Float { expm1f(x) }
  static func tanh(_ x: Float) -> Float { tanhf(x) }
  static func erf(_ x: Float) -> Float { erff(x) }
}
