/// Blends of 4 x 4 elements of float32 planes by the cubic convolution with a = -3/4, edges repeated.
struct CubicResampling: Sendable {
  /// The four elements along a dimension that an output element is made of.
  struct Tap: Sendable {
    private let first: Int
    private let last: Int
    private let weights: SIMD4<Float>

    /// The elements around a position in a dimension of `size`.
    init(at position: Float, size: Int) {
      let floor = min(position.rounded(.down), Float(size - 1))
      first = Int(floor) - 1
      last = size - 1
      let t = min(max(position - floor, 0), 1)
      weights = SIMD4(Self.far(t + 1), Self.near(t), Self.near(1 - t), Self.far(2 - t))
    }

    /// The weight of an element at most 1 away.
    private static func near(_ x: Float) -> Float { (1.25 * x - 2.25) * x * x + 1 }

    /// The weight of an element 1 to 2 away.
    private static func far(_ x: Float) -> Float { ((-0.75 * x + 3.75) * x - 6) * x + 3 }

    @inline(__always)
    func each(_ body: (_ element: Int, _ weight: Float) -> Void) {
      for k in 0..<4 { body(min(max(first + k, 0), last), weights[k]) }
    }
  }

  /// The plane's height and width.
  let input: [Int]
  let rows: [Tap]
  let columns: [Tap]

  func run(planes: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    nonisolated(unsafe) let (source, target) = (x, y)
    let (from, to) = (input[0] * input[1], rows.count * columns.count)
    parallelFor(planes, grain: 4) { range in
      for plane in range {
        let (x, y) = (source + plane * from, target + plane * to)
        visit { place, row, column in
          var sum: Float = 0
          row.each { h, weight in
            var line: Float = 0
            column.each { line += $1 * x[h * input[1] + $0] }
            sum += weight * line
          }
          y[place] = sum
        }
      }
    }
  }

  /// Adds the gradients of the blends to those of the elements; `dx` starts as zeros.
  func spread(planes: Int, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>) {
    nonisolated(unsafe) let (source, target) = (dy, dx)
    let (from, to) = (rows.count * columns.count, input[0] * input[1])
    parallelFor(planes, grain: 4) { range in
      for plane in range {
        let (dy, dx) = (source + plane * from, target + plane * to)
        visit { place, row, column in
          row.each { h, weight in
            let flowing = weight * dy[place]
            column.each { dx[h * input[1] + $0] += $1 * flowing }
          }
        }
      }
    }
  }

  private func visit(_ body: (_ place: Int, _ row: Tap, _ column: Tap) -> Void) {
    var place = 0
    for row in rows {
      for column in columns {
        body(place, row, column)
        place += 1
      }
    }
  }
}
