#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The C library's functions of one number, the ones that torch's scalar loops call.
enum RealFunction {
  static func exp(_ x: Float) -> Float { expf(x) }
  static func expMinusOne(_ x: Float) -> Float { expm1f(x) }
  static func tanh(_ x: Float) -> Float { tanhf(x) }
  static func exp(_ x: Double) -> Double { doubleExp(x) }
  static func log(_ x: Float) -> Float { logf(x) }
  static func log(_ x: Double) -> Double { doubleLog(x) }
  static func logOnePlus(_ x: Float) -> Float { log1pf(x) }
  static func erf(_ x: Float) -> Float { erff(x) }
}

// Inside RealFunction the C names are taken by its own functions.
private func doubleExp(_ x: Double) -> Double { exp(x) }
private func doubleLog(_ x: Double) -> Double { log(x) }
