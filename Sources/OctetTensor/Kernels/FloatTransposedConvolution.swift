/// Float32 transposed convolution: one matrix multiplication makes what every input position adds to every tap's output, and
/// the taps' planes are then added up.
///
/// A band of (output channel, tap) rows at a time, so that the products stay around 16 MB. The threads share a product; then
/// each adds a channel of its own.
struct FloatTransposedConvolution {
  let images: Int
  let groups: Int
  let groupIn: Int
  let groupOut: Int
  // Three spatial dimensions; missing ones in front have size 1.
  let input: [Int]
  let output: [Int]
  let kernel: [Int]
  let stride: [Int]
  let padding: [Int]
  let dilation: [Int]

  init(shape: ConvolutionShape, input: [Int], output: [Int]) {
    let missing = 3 - shape.window.rank
    func padded(_ list: [Int], _ fill: Int) -> [Int] {
      [Int](repeating: fill, count: missing) + list
    }
    images = input[0]
    groups = shape.groups
    groupIn = shape.inChannels / shape.groups
    groupOut = shape.outChannels / shape.groups
    self.input = padded(Array(input[2...]), 1)
    self.output = padded(Array(output[2...]), 1)
    kernel = padded(shape.window.kernel, 1)
    stride = padded(shape.window.stride, 1)
    padding = padded(shape.window.padding, 0)
    dilation = padded(shape.window.dilation, 1)
  }

  private var inputPixels: Int { input[0] * input[1] * input[2] }
  private var outputPixels: Int { output[0] * output[1] * output[2] }
  private var taps: Int { kernel[0] * kernel[1] * kernel[2] }

  func run(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ bias: [Float]?,
    _ y: UnsafeMutablePointer<Float>
  ) throws(OctetError) {
    let multiply = try FloatProduct()
    let rows = groupOut * taps
    let band = min(rows, max(1, (4 << 20) / max(inputPixels, 1)))
    let products = UnsafeMutablePointer<Float>.allocate(capacity: max(band * inputPixels, 1))
    defer { products.deallocate() }
    for image in 0..<images {
      for group in 0..<groups {
        let channels = image * groups + group
        let target = y + channels * groupOut * outputPixels
        for o in 0..<groupOut {
          (target + o * outputPixels).update(
            repeating: bias?[group * groupOut + o] ?? 0, count: outputPixels)
        }
        for first in Swift.stride(from: 0, to: rows, by: band) {
          let last = min(first + band, rows)
          multiply(
            m: last - first, n: inputPixels, k: groupIn, w + group * groupIn * rows + first,
            lda: rows, transposeA: true, x + channels * groupIn * inputPixels, ldb: inputPixels,
            products, ldc: inputPixels)
          add(products, rows: first..<last, into: target)
        }
      }
    }
  }

  /// Adds the rows (output channel, tap) to the planes of their channels.
  private func add(
    _ products: UnsafePointer<Float>, rows: Range<Int>, into y: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, target) = (products, y)
    let first = rows.lowerBound / taps
    let last = (rows.upperBound - 1) / taps
    parallelFor(last - first + 1, grain: 1) { range in
      for o in range.lowerBound + first..<range.upperBound + first {
        for row in max(o * taps, rows.lowerBound)..<min((o + 1) * taps, rows.upperBound) {
          addTap(
            source + (row - rows.lowerBound) * inputPixels, tap: row - o * taps,
            into: target + o * outputPixels)
        }
      }
    }
  }

  /// Adds one tap's plane, as large as the input, to a plane of the output.
  private func addTap(
    _ plane: UnsafePointer<Float>, tap: Int, into y: UnsafeMutablePointer<Float>
  ) {
    let shift = [
      tap / (kernel[1] * kernel[2]) * dilation[0] - padding[0],
      tap / kernel[2] % kernel[1] * dilation[1] - padding[1],
      tap % kernel[2] * dilation[2] - padding[2],
    ]
    // The input positions whose output lies inside: the same rule as a plain convolution's with the roles exchanged.
    let inside = (0..<3).map {
      WindowGeometry.inside(
        shift: shift[$0], stride: stride[$0], input: output[$0], output: input[$0])
    }
    let step = stride[2]
    for d in inside[0] {
      for h in inside[1] {
        let from = plane + (d * input[1] + h) * input[2]
        let row = (d * stride[0] + shift[0]) * output[1] + h * stride[1] + shift[1]
        let to = row * output[2] + shift[2]
        for w in inside[2] { y[to + w * step] += from[w] }
      }
    }
  }
}
