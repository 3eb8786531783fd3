/// Blends of float32 planes over up to three dimensions.
struct FloatResampling: Sendable {
  struct Tap: Sendable {
    let first: Int
    let second: Int
    let weight: Float

    /// Between two values; the first itself when the weight is 0, so that nothing else takes part.
    func blend(_ value: (Int) -> Float) -> Float {
      weight == 0 ? value(first) : (1 - weight) * value(first) + weight * value(second)
    }

    /// What each of the two values gets of a blend's gradient.
    func split(_ gradient: Float, _ body: (Int, Float) -> Void) {
      body(first, weight == 0 ? gradient : (1 - weight) * gradient)
      if weight != 0 { body(second, weight * gradient) }
    }
  }

  let input: [Int]
  let taps: [[Tap]]

  func run(planes: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    nonisolated(unsafe) let (source, target) = (x, y)
    let (from, to) = (input.reduce(1, *), taps.map(\.count).reduce(1, *))
    parallelFor(planes, grain: 8) { range in
      for plane in range { self.plane(source + plane * from, target + plane * to) }
    }
  }

  private func plane(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    var out = y
    let (rows, columns) = (input[1], input[2])
    for depth in taps[0] {
      for row in taps[1] {
        for column in taps[2] {
          out.pointee = depth.blend { d in
            row.blend { h in
              let line = x + (d * rows + h) * columns
              return column.blend { line[$0] }
            }
          }
          out += 1
        }
      }
    }
  }

  /// Adds the gradients of the blends to those of the values; `dx` starts as zeros.
  func spread(planes: Int, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>) {
    nonisolated(unsafe) let (source, target) = (dy, dx)
    let (from, to) = (taps.map(\.count).reduce(1, *), input.reduce(1, *))
    parallelFor(planes, grain: 8) { range in
      for plane in range { spreadPlane(source + plane * from, target + plane * to) }
    }
  }

  private func spreadPlane(_ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>) {
    var next = dy
    let (rows, columns) = (input[1], input[2])
    for depth in taps[0] {
      for row in taps[1] {
        for column in taps[2] {
          let flowing = next.pointee
          depth.split(flowing) { d, part in
            row.split(part) { h, part in
              let line = dx + (d * rows + h) * columns
              column.split(part) { line[$0] += $1 }
            }
          }
          next += 1
        }
      }
    }
  }
}
