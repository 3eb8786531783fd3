/// The derivatives of a float32 convolution: weights by a product of gradient and columns, the input by a product of weights and
/// gradient whose columns are added back where they were gathered.
///
/// Images are cut into chunks whose number depends on nothing but the number of images; each chunk's share of the weights'
/// gradient is summed image by image, then the shares in order. So threads don't change a bit.
extension FloatConvolution {
  private static let mostChunks = 16

  /// Adds to `dw` and to `dx` where they are given.
  func runGradients(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    dw: UnsafeMutablePointer<Float>?, dx: UnsafeMutablePointer<Float>?
  ) throws(OctetError) {
    let multiply = try FloatProduct(threads: 1)
    nonisolated(unsafe) let (x, w, dy, dx) = (x, w, dy, dx)
    let length = (images + Self.mostChunks - 1) / Self.mostChunks
    let chunks = (images + length - 1) / length
    let weights = groups * groupOut * depth
    let shares = dw == nil ? nil : WorkspacePool.shared.take(chunks * weights * 4)
    nonisolated(unsafe) let shared = shares?.floats
    parallelFor(chunks, grain: 1) { range in
      let buffer = WorkspacePool.shared.take(depth * pixels * 4)
      guard let columns = buffer.floats else { return }
      for chunk in range {
        let share = shared.map { $0 + chunk * weights }
        share?.update(repeating: 0, count: weights)
        for image in (chunk * length)..<min((chunk + 1) * length, images) {
          for group in 0..<groups {
            let from = (image * groups + group) * groupIn * inputPixels
            let flowing = dy + (image * groups + group) * groupOut * pixels
            let place = group * groupOut * depth
            if isDepthwise {
              depthwise(
                x + from, w + place, flowing, columns, share.map { $0 + place },
                dx.map { $0 + from })
              continue
            }
            if let share {
              weightShare(x + from, flowing, multiply, columns, share + place)
            }
            if let dx { inputShare(w + place, flowing, multiply, columns, dx + from) }
          }
        }
      }
      WorkspacePool.shared.put(buffer)
    }
    guard let dw, let shares, let first = shares.floats else { return }
    for chunk in 0..<chunks {
      let share = first + chunk * weights
      for i in 0..<weights { dw[i] += share[i] }
    }
    WorkspacePool.shared.put(shares)
  }

  /// dw[o, depth] += dy[o, pixel] * columns[depth, pixel].
  private func weightShare(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ multiply: FloatProduct,
    _ columns: UnsafeMutablePointer<Float>, _ dw: UnsafeMutablePointer<Float>
  ) {
    if !isPointwise { gather(x, inParallel: false, into: columns) }
    multiply(
      m: groupOut, n: depth, k: pixels, dy, lda: pixels,
      isPointwise ? x : UnsafePointer(columns), ldb: pixels, transposeB: true, accumulates: true,
      dw, ldc: depth)
  }

  /// dx[c, pixel] += Σ w[o, c] * dy[o, pixel], by way of the columns.
  private func inputShare(
    _ w: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ multiply: FloatProduct,
    _ columns: UnsafeMutablePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    multiply(
      m: depth, n: pixels, k: groupOut, w, lda: depth, transposeA: true, dy, ldb: pixels,
      accumulates: isPointwise, isPointwise ? dx : columns, ldc: pixels)
    if isPointwise { return }
    for c in 0..<groupIn {
      for tap in 0..<taps {
        spread(columns + (c * taps + tap) * pixels, tap: tap, into: dx + c * inputPixels)
      }
    }
  }

  /// Adds a tap's values, of which it spoils some, to the input elements that they were gathered from.
  private func spread(
    _ line: UnsafeMutablePointer<Float>, tap: Int, into plane: UnsafeMutablePointer<Float>
  ) {
    if shiftsPlanes {
      let width = output[2]
      let (rows, columns) = shift(tap)
      let inside = inside(rows: rows)
      clearEdges(columns, inside, line)
      let first = max(inside.lowerBound * width, -(rows * width + columns))
      let last = min(inside.upperBound * width, input[1] * width - (rows * width + columns))
      let target = plane + rows * width + columns
      for i in first..<max(last, first) { target[i] += line[i] }
      return
    }
    let step = stride[2]
    rows(of: UnsafePointer(plane), tap: tap) { place, shown, inside in
      guard let shown else { return }
      let target = UnsafeMutablePointer(mutating: shown)
      let from = line + place
      if step == 1 {
        for ow in inside { target[ow] += from[ow] }
      } else {
        for ow in inside { target[ow * step] += from[ow] }
      }
    }
  }

  /// One input channel and its outputs; `column` is scratch.
  private func depthwise(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ column: UnsafeMutablePointer<Float>, _ dw: UnsafeMutablePointer<Float>?,
    _ dx: UnsafeMutablePointer<Float>?
  ) {
    for tap in 0..<taps {
      if let dw {
        gatherTap(x, tap: tap, into: column)
        for o in 0..<groupOut { dw[o * taps + tap] += Self.dot(dy + o * pixels, column, pixels) }
      }
      guard let dx else { continue }
      for o in 0..<groupOut {
        let (flowing, factor) = (dy + o * pixels, w[o * taps + tap])
        for i in 0..<pixels { column[i] = factor * flowing[i] }
        spread(column, tap: tap, into: dx)
      }
    }
  }

  /// A sum of products, eight at a time.
  private static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int)
    -> Float
  {
    let (left, right) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
    var lanes = SIMD8<Float>()
    var i = 0
    while i + 8 <= count {
      lanes +=
        left.loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self)
        * right.loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self)
      i += 8
    }
    var sum = lanes.sum()
    while i < count {
      sum += a[i] * b[i]
      i += 1
    }
    return sum
  }
}
