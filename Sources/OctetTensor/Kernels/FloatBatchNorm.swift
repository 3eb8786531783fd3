/// Batch norm over float32 planes `[N, C, inner]`, a channel a thread.
///
/// Sums run over a channel's planes in order, in double, eight at a time: the same bits for any number of threads.
struct FloatBatchNorm: @unchecked Sendable {
  // Pointers are only read and written inside one call.
  let images: Int
  let channels: Int
  let inner: Int

  private typealias Lanes = SIMD8<Double>

  /// Elements of one channel.
  var count: Int { images * inner }

  init(shape: [Int]) {
    images = shape[0]
    channels = shape[1]
    inner = shape[2...].reduce(1, *)
  }

  private func forEachChannel(_ body: @escaping @Sendable (Int) -> Void) {
    parallelFor(channels, grain: 1) { range in
      for c in range { body(c) }
    }
  }

  /// Where a channel's plane of an image begins.
  private func start(_ image: Int, _ c: Int) -> Int { (image * channels + c) * inner }

  /// Means and biased variances.
  func statistics(
    _ x: UnsafePointer<Float>, _ mean: UnsafeMutablePointer<Float>,
    _ variance: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (x, mean, variance) = (x, mean, variance)
    let total = Double(count)
    forEachChannel { c in
      var sum = 0.0
      for n in 0..<images {
        sum += Self.sum(x + start(n, c), x + start(n, c), inner) { value, _ in value }
      }
      let average = sum / total
      let center = Lanes(repeating: average)
      var squares = 0.0
      for n in 0..<images {
        squares += Self.sum(x + start(n, c), x + start(n, c), inner) { value, _ in
          (value - center) * (value - center)
        }
      }
      mean[c] = Float(average)
      variance[c] = Float(squares / total)
    }
  }

  /// `y = (x - mean) * scale + bias`.
  func normalize(
    _ x: UnsafePointer<Float>, mean: [Float], scale: [Float], bias: [Float],
    _ y: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (x, y) = (x, y)
    forEachChannel { c in
      let (m, s, b) = (mean[c], scale[c], bias[c])
      for n in 0..<images {
        let (from, to) = (x + start(n, c), y + start(n, c))
        for i in 0..<inner { to[i] = (from[i] - m) * s + b }
      }
    }
  }

  /// Calls `body` with each plane of `x`, its channel's value, its place in `y` and its length.
  func map(
    _ x: UnsafePointer<Float>, _ values: [Float], _ y: UnsafeMutablePointer<Float>,
    _ body:
      @escaping @Sendable (
        UnsafePointer<Float>, Float, UnsafeMutablePointer<Float>, Int
      ) -> Void
  ) {
    nonisolated(unsafe) let (x, y) = (x, y)
    forEachChannel { c in
      for n in 0..<images { body(x + start(n, c), values[c], y + start(n, c), inner) }
    }
  }

  /// `Σ x` of each channel.
  func sums(_ x: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Double>) {
    nonisolated(unsafe) let (x, result) = (x, result)
    forEachChannel { c in
      var sum = 0.0
      for n in 0..<images {
        sum += Self.sum(x + start(n, c), x + start(n, c), inner) { value, _ in value }
      }
      result[c] = sum
    }
  }

  /// `Σ dy` and `Σ dy * (x - mean)` of each channel.
  func sums(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, mean: [Float],
    _ plain: UnsafeMutablePointer<Double>, _ weighted: UnsafeMutablePointer<Double>
  ) {
    nonisolated(unsafe) let (x, dy, plain, weighted) = (x, dy, plain, weighted)
    forEachChannel { c in
      let center = Lanes(repeating: Double(mean[c]))
      var (sums, products) = (Lanes(), Lanes())
      var (sum, product) = (0.0, 0.0)
      for n in 0..<images {
        let (from, flowing) = (x + start(n, c), dy + start(n, c))
        let (left, right) = (UnsafeRawPointer(from), UnsafeRawPointer(flowing))
        var i = 0
        while i + 8 <= inner {
          let value = Lanes(left.loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self))
          let slope = Lanes(right.loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self))
          sums += slope
          products += (value - center) * slope
          i += 8
        }
        while i < inner {
          sum += Double(flowing[i])
          product += (Double(from[i]) - center[0]) * Double(flowing[i])
          i += 1
        }
      }
      plain[c] = sum + sums.sum()
      weighted[c] = product + products.sum()
    }
  }

  /// `dx = a * dy + b * (x - mean) + c` with coefficients per channel.
  func combine(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, mean: [Float],
    _ coefficients: [(a: Float, b: Float, c: Float)], _ dx: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (x, dy, dx) = (x, dy, dx)
    forEachChannel { channel in
      let (a, b, c) = coefficients[channel]
      let m = mean[channel]
      for n in 0..<images {
        let place = start(n, channel)
        let (from, flowing, to) = (x + place, dy + place, dx + place)
        for i in 0..<inner { to[i] = a * flowing[i] + (b * (from[i] - m) + c) }
      }
    }
  }

  /// The sum of `term` over a run: lane by lane, then the lanes, then the rest.
  @inline(__always)
  private static func sum(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int,
    _ term: (Lanes, Lanes) -> Lanes
  ) -> Double {
    let (left, right) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
    var lanes = Lanes()
    var i = 0
    while i + 8 <= count {
      let x = left.loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self)
      let y = right.loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self)
      lanes += term(Lanes(x), Lanes(y))
      i += 8
    }
    var sum = lanes.sum()
    while i < count {
      sum += term(Lanes(repeating: Double(a[i])), Lanes(repeating: Double(b[i])))[0]
      i += 1
    }
    return sum
  }
}
