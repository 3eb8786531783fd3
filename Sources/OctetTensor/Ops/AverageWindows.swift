/// Means of float32 planes over windows that are given dimension by dimension, three of them, ones in front.
struct AverageWindows: Sendable {
  /// The input positions under one output position, and what they count for in the divisor.
  struct Span: Sendable {
    let range: Range<Int>
    let size: Int
  }

  let input: [Int]
  let spans: [[Span]]
  /// What sums are divided by instead of the product of sizes.
  let divisor: Int?

  /// Windows of average pooling.
  init(input: [Int], output: [Int], _ window: WindowGeometry, countsPadding: Bool, divisor: Int?) {
    self.init(input: input, divisor: divisor) { d in
      (0..<output[d]).map { o in
        let start = o * window.stride[d] - window.padding[d]
        let end = min(start + window.kernel[d], input[d] + window.padding[d])
        let range = max(start, 0)..<min(end, input[d])
        return Span(range: range, size: countsPadding ? end - start : range.count)
      }
    }
  }

  /// Windows that divide the input evenly: `floor(o * in / out)..<ceil((o + 1) * in / out)`.
  init(input: [Int], output: [Int]) {
    self.init(input: input, divisor: nil) { d in
      (0..<output[d]).map { o in
        let range = (o * input[d] / output[d])..<(((o + 1) * input[d] + output[d] - 1) / output[d])
        return Span(range: range, size: range.count)
      }
    }
  }

  private init(input: [Int], divisor: Int?, spans: (Int) -> [Span]) {
    let missing = 3 - input.count
    self.input = [Int](repeating: 1, count: missing) + input
    self.divisor = divisor
    self.spans =
      [[Span]](repeating: [Span(range: 0..<1, size: 1)], count: missing)
      + input.indices.map(spans)
  }

  /// Means of `planes` planes.
  func run(planes: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    nonisolated(unsafe) let (source, target) = (x, y)
    let (from, to) = (input.reduce(1, *), spans.map(\.count).reduce(1, *))
    let isWhole = isWhole
    parallelFor(planes, grain: 8) { range in
      for plane in range {
        if isWhole {
          target[plane] = CascadeSum.sum(source + plane * from, from) / Float(divisor ?? from)
        } else {
          self.plane(source + plane * from, target + plane * to)
        }
      }
    }
  }

  /// True when one window is all of the input: such means are summed as `CascadeSum` does.
  private var isWhole: Bool {
    zip(spans, input).allSatisfy { spans, size in
      spans.count == 1 && spans[0].range == 0..<size && spans[0].size == size
    }
  }

  /// Spreads the gradients of the means of `planes` planes over the elements they were taken of; `dx` starts as zeros.
  func spread(planes: Int, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>) {
    nonisolated(unsafe) let (source, target) = (dy, dx)
    let (from, to) = (spans.map(\.count).reduce(1, *), input.reduce(1, *))
    parallelFor(planes, grain: 8) { range in
      for plane in range { spreadPlane(source + plane * from, target + plane * to) }
    }
  }

  private func spreadPlane(_ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>) {
    var next = dy
    for depth in spans[0] {
      for rows in spans[1] {
        for columns in spans[2] {
          let share = next.pointee / Float(divisor ?? depth.size * rows.size * columns.size)
          for d in depth.range {
            for h in rows.range {
              let line = dx + (d * input[1] + h) * input[2]
              for w in columns.range { line[w] += share }
            }
          }
          next += 1
        }
      }
    }
  }

  private func plane(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    var out = y
    for depth in spans[0] {
      for rows in spans[1] {
        for columns in spans[2] {
          var sum: Float = 0
          for d in depth.range {
            for h in rows.range {
              let line = x + (d * input[1] + h) * input[2]
              for w in columns.range { sum += line[w] }
            }
          }
          out.pointee = sum / Float(divisor ?? depth.size * rows.size * columns.size)
          out += 1
        }
      }
    }
  }
}
