#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The two types that real functions are computed in: float32 (which half types are widened to) and float64. The
/// functions are the C library's of that precision.
protocol RealScalar: TensorScalar, BinaryFloatingPoint {
  static func exp(_ x: Self) -> Self
  static func expMinusOne(_ x: Self) -> Self
  static func log(_ x: Self) -> Self
  static func logOnePlus(_ x: Self) -> Self
  static func log2(_ x: Self) -> Self
  static func sin(_ x: Self) -> Self
  static func cos(_ x: Self) -> Self
  static func tanh(_ x: Self) -> Self
  static func erf(_ x: Self) -> Self
  static func power(_ x: Self, _ y: Self) -> Self
}

extension Float: RealScalar {
  static func exp(_ x: Float) -> Float { expf(x) }
  static func expMinusOne(_ x: Float) -> Float { expm1f(x) }
  static func log(_ x: Float) -> Float { logf(x) }
  static func logOnePlus(_ x: Float) -> Float { log1pf(x) }
  static func log2(_ x: Float) -> Float { log2f(x) }
  static func sin(_ x: Float) -> Float { sinf(x) }
  static func cos(_ x: Float) -> Float { cosf(x) }
  static func tanh(_ x: Float) -> Float { tanhf(x) }
  static func erf(_ x: Float) -> Float { erff(x) }
  static func power(_ x: Float, _ y: Float) -> Float { powf(x, y) }
}

extension Double: RealScalar {
  static func exp(_ x: Double) -> Double { cExp(x) }
  static func expMinusOne(_ x: Double) -> Double { expm1(x) }
  static func log(_ x: Double) -> Double { cLog(x) }
  static func logOnePlus(_ x: Double) -> Double { log1p(x) }
  static func log2(_ x: Double) -> Double { cLog2(x) }
  static func sin(_ x: Double) -> Double { cSin(x) }
  static func cos(_ x: Double) -> Double { cCos(x) }
  static func tanh(_ x: Double) -> Double { cTanh(x) }
  static func erf(_ x: Double) -> Double { cErf(x) }
  static func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
}

// Inside the extension the members hide the C library's functions of the same name.
private func cExp(_ x: Double) -> Double { exp(x) }
private func cLog(_ x: Double) -> Double { log(x) }
private func cLog2(_ x: Double) -> Double { log2(x) }
private func cSin(_ x: Double) -> Double { sin(x) }
private func cCos(_ x: Double) -> Double { cos(x) }
private func cTanh(_ x: Double) -> Double { tanh(x) }
private func cErf(_ x: Double) -> Double { erf(x) }
