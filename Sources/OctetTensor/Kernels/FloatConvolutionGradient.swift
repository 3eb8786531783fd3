/// The derivatives of a float32 convolution: weights by a product of gradient and columns, the input by a product of weights and
/// gradient whose columns are added back where they were gathered.
extension FloatConvolution {
  /// Adds to `dw`, and writes `dx` when it is given. Both start as zeros.
  func runGradients(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    dw: UnsafeMutablePointer<Float>?, dx: UnsafeMutablePointer<Float>?
  ) {
    let depth = groupIn * taps
    let batch = min(images, max(1, (4 << 20) / max(depth * pixels, 1)))
    let columns = UnsafeMutablePointer<Float>.allocate(capacity: max(batch * depth * pixels, 1))
    let flowing = UnsafeMutablePointer<Float>.allocate(capacity: max(batch * groupOut * pixels, 1))
    defer {
      columns.deallocate()
      flowing.deallocate()
    }
    for first in stride(from: 0, to: images, by: max(batch, 1)) {
      let count = min(batch, images - first)
      let row = count * pixels
      for group in 0..<groups {
        collect(dy, first: first, count: count, group: group, into: flowing)
        let shared = group * groupOut * depth
        if let dw {
          gather(x, first: first, count: count, group: group, into: columns)
          BLAS.multiply(
            m: groupOut, n: depth, k: row, flowing, lda: row, columns, ldb: row, transposeB: true,
            beta: 1, dw + shared, ldc: depth)
        }
        if let dx {
          BLAS.multiply(
            m: depth, n: row, k: groupOut, w + shared, lda: depth, transposeA: true, flowing,
            ldb: row, columns, ldc: row)
          spread(columns, first: first, count: count, group: group, into: dx)
        }
      }
    }
  }

  /// flowing[o, image, pixel] = dy[image, o, pixel].
  private func collect(
    _ dy: UnsafePointer<Float>, first: Int, count: Int, group: Int,
    into flowing: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, target) = (dy, flowing)
    parallelFor(groupOut * count, grain: 4) { range in
      for item in range {
        let (o, image) = (item / count, item % count)
        let channel = (first + image) * groups * groupOut + group * groupOut + o
        (target + item * pixels).update(from: source + channel * pixels, count: pixels)
      }
    }
  }

  /// Adds each column to the input elements that `gather` took it from.
  private func spread(
    _ columns: UnsafePointer<Float>, first: Int, count: Int, group: Int,
    into dx: UnsafeMutablePointer<Float>
  ) {
    let row = count * pixels
    nonisolated(unsafe) let (source, target) = (columns, dx)
    parallelFor(groupIn * count, grain: 1) { range in
      for item in range {
        let (c, image) = (item / count, item % count)
        let channel = (first + image) * groups * groupIn + group * groupIn + c
        let plane = target + channel * inputPixels
        for tap in 0..<taps {
          spreadTap(source + (c * taps + tap) * row + image * pixels, tap: tap, into: plane)
        }
      }
    }
  }

  private func spreadTap(
    _ line: UnsafePointer<Float>, tap: Int, into plane: UnsafeMutablePointer<Float>
  ) {
    let step = stride[2]
    rows(of: UnsafePointer(plane), tap: tap) { place, shown, inside in
      guard let shown else { return }
      let target = UnsafeMutablePointer(mutating: shown)
      if step == 1 {
        for ow in inside { target[ow] += line[place + ow] }
      } else {
        for ow in inside { target[ow * step] += line[place + ow] }
      }
    }
  }
}
