/// Largest elements of windows over planes of float32.
struct FloatMaxPool: Sendable {
  let input: [Int]
  let output: [Int]
  let kernel: [Int]
  let stride: [Int]
  let padding: [Int]
  let dilation: [Int]
  /// True for neighbouring windows of 2 x 2, the most frequent ones.
  private let isSquareOfTwo: Bool

  /// Windows over the last dimensions of an input and an output.
  init(_ window: WindowGeometry, input: [Int], output: [Int]) {
    func padded(_ list: [Int], _ fill: Int) -> [Int] {
      [Int](repeating: fill, count: 3 - list.count) + list
    }
    self.input = padded(input.suffix(window.rank), 1)
    self.output = padded(output.suffix(window.rank), 1)
    kernel = padded(window.kernel, 1)
    stride = padded(window.stride, 1)
    padding = padded(window.padding, 0)
    dilation = padded(window.dilation, 1)
    isSquareOfTwo =
      kernel == [1, 2, 2] && stride[1...] == [2, 2] && padding == [0, 0, 0]
      && dilation[1...] == [1, 1] && self.input[0] == self.output[0]
      && 2 * self.output[1] <= self.input[1] && 2 * self.output[2] <= self.input[2]
  }

  func run(
    planes: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, target) = (x, y)
    let (from, to) = (input.reduce(1, *), output.reduce(1, *))
    parallelFor(planes, grain: 8) { range in
      for plane in range { self.plane(source + plane * from, target + plane * to) }
    }
  }

  /// Tap by tap over whole rows: no branch depends on a value, so rows run at the speed of their loads.
  private func plane(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    if isSquareOfTwo {
      halve(x, y)
      return
    }
    y.update(repeating: -.infinity, count: output.reduce(1, *))
    let width = output[2]
    for od in 0..<output[0] {
      for kd in 0..<kernel[0] {
        let d = od * stride[0] + kd * dilation[0] - padding[0]
        guard (0..<input[0]).contains(d) else { continue }
        for oh in 0..<output[1] {
          let out = y + (od * output[1] + oh) * width
          for kh in 0..<kernel[1] {
            let h = oh * stride[1] + kh * dilation[1] - padding[1]
            guard (0..<input[1]).contains(h) else { continue }
            row(x + (d * input[1] + h) * input[2], out)
          }
        }
      }
    }
  }

  /// Takes one input row into one output row.
  private func row(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>) {
    let step = stride[2]
    for kw in 0..<kernel[2] {
      let shift = kw * dilation[2] - padding[2]
      let inside = WindowGeometry.inside(
        shift: shift, stride: step, input: input[2], output: output[2])
      let source = x + shift
      for ow in inside {
        let (value, best) = (source[ow * step], out[ow])
        // NaN wins, as in torch.
        out[ow] = value > best || value != value ? value : best
      }
    }
  }

  /// Adds each result's gradient to that of the first element of its window that is the result; `dx` starts as zeros.
  func route(
    planes: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (x, y, dy, dx) = (x, y, dy, dx)
    let (from, to) = (input.reduce(1, *), output.reduce(1, *))
    parallelFor(planes, grain: 8) { range in
      for plane in range {
        routePlane(
          x + plane * from, y + plane * to, dy + plane * to, dx + plane * from)
      }
    }
  }

  private func routePlane(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    if isSquareOfTwo {
      routeHalves(x, y, dy, dx)
      return
    }
    var place = 0
    for od in 0..<output[0] {
      for oh in 0..<output[1] {
        for ow in 0..<output[2] {
          if let source = first(y[place], x, od, oh, ow) { dx[source] += dy[place] }
          place += 1
        }
      }
    }
  }

  /// The place of the first element of a window that is `value`, or NaN when that is.
  private func first(_ value: Float, _ x: UnsafePointer<Float>, _ od: Int, _ oh: Int, _ ow: Int)
    -> Int?
  {
    for kd in 0..<kernel[0] {
      let d = od * stride[0] + kd * dilation[0] - padding[0]
      guard d >= 0, d < input[0] else { continue }
      for kh in 0..<kernel[1] {
        let h = oh * stride[1] + kh * dilation[1] - padding[1]
        guard h >= 0, h < input[1] else { continue }
        for kw in 0..<kernel[2] {
          let w = ow * stride[2] + kw * dilation[2] - padding[2]
          guard w >= 0, w < input[2] else { continue }
          let source = (d * input[1] + h) * input[2] + w
          if x[source] == value || (value != value && x[source] != x[source]) { return source }
        }
      }
    }
    return nil
  }

  private func halve(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let (width, outWidth, outHeight) = (input[2], output[2], output[1])
    for d in 0..<output[0] {
      for oh in 0..<outHeight {
        let upper = x + (d * input[1] + 2 * oh) * width
        let lower = upper + width
        let out = y + (d * outHeight + oh) * outWidth
        for ow in 0..<outWidth {
          let top = Self.larger(upper[2 * ow + 1], upper[2 * ow])
          out[ow] = Self.larger(lower[2 * ow + 1], Self.larger(lower[2 * ow], top))
        }
      }
    }
  }

  /// The later of two values when it is larger or NaN.
  @inline(__always)
  private static func larger(_ value: Float, _ best: Float) -> Float {
    value > best || value != value ? value : best
  }

  private func routeHalves(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    let (width, outWidth, outHeight) = (input[2], output[2], output[1])
    for d in 0..<output[0] {
      for oh in 0..<outHeight {
        let row = (d * input[1] + 2 * oh) * width
        let (upper, lower) = (x + row, x + row + width)
        let (above, below) = (dx + row, dx + row + width)
        let place = (d * outHeight + oh) * outWidth
        for ow in 0..<outWidth {
          // The result is one of the four, bit by bit. Masks, since the places come at random.
          let (value, flowing) = (y[place + ow].bitPattern, dy[place + ow].bitPattern)
          let first = Self.mask(upper[2 * ow], value)
          let second = Self.mask(upper[2 * ow + 1], value) & ~first
          let third = Self.mask(lower[2 * ow], value) & ~(first | second)
          above[2 * ow] = Float(bitPattern: flowing & first)
          above[2 * ow + 1] = Float(bitPattern: flowing & second)
          below[2 * ow] = Float(bitPattern: flowing & third)
          below[2 * ow + 1] = Float(bitPattern: flowing & ~(first | second | third))
        }
      }
    }
  }

  /// All ones where `a` has these bits.
  @inline(__always)
  private static func mask(_ a: Float, _ bits: UInt32) -> UInt32 {
    let same: UInt32 = a.bitPattern == bits ? 1 : 0
    return 0 &- same
  }
}
