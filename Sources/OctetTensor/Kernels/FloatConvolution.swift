/// Float32 convolution by gathered columns and one matrix multiplication for many images at a time.
///
/// Columns are gathered by the kernels' threads, then multiplied by OpenBLAS on its own, never both at once. A group with
/// one input channel (depthwise) skips the columns: it has nothing to multiply a matrix with.
struct FloatConvolution {
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

  var inputPixels: Int { input[0] * input[1] * input[2] }
  var pixels: Int { output[0] * output[1] * output[2] }
  var taps: Int { kernel[0] * kernel[1] * kernel[2] }

  func run(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ bias: [Float]?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    if groupIn == 1 {
      runDepthwise(x, w, bias, y)
      return
    }
    let depth = groupIn * taps
    // Images at a time, so that the columns stay around 16 MB.
    let batch = min(images, max(1, (4 << 20) / max(depth * pixels, 1)))
    let columns = UnsafeMutablePointer<Float>.allocate(capacity: batch * depth * pixels)
    let product = UnsafeMutablePointer<Float>.allocate(capacity: batch * groupOut * pixels)
    defer {
      columns.deallocate()
      product.deallocate()
    }
    for first in stride(from: 0, to: images, by: batch) {
      let count = min(batch, images - first)
      for group in 0..<groups {
        gather(x, first: first, count: count, group: group, into: columns)
        BLAS.multiply(
          m: groupOut, n: count * pixels, k: depth, w + group * groupOut * depth, lda: depth,
          columns, ldb: count * pixels, product, ldc: count * pixels)
        scatter(product, bias, first: first, count: count, group: group, into: y)
      }
    }
  }

  func stride(from: Int, to: Int, by: Int) -> StrideTo<Int> {
    Swift.stride(from: from, to: to, by: by)
  }

  /// columns[c, tap, image, pixel] = x at the tap, 0 outside.
  func gather(
    _ x: UnsafePointer<Float>, first: Int, count: Int, group: Int,
    into columns: UnsafeMutablePointer<Float>
  ) {
    let row = count * pixels
    nonisolated(unsafe) let (source, target) = (x, columns)
    parallelFor(groupIn * count, grain: 1) { range in
      for item in range {
        let (c, image) = (item / count, item % count)
        let plane =
          source + ((first + image) * groups * groupIn + group * groupIn + c) * inputPixels
        for tap in 0..<taps {
          gatherTap(plane, tap: tap, into: target + (c * taps + tap) * row + image * pixels)
        }
      }
    }
  }

  /// One tap over all output pixels: calls `body` for each output row with the row's place, the input row shifted to the tap
  /// (nil when it lies outside), and the columns whose tap lies inside.
  @inline(__always)
  func rows(
    of plane: UnsafePointer<Float>, tap: Int,
    _ body: (Int, UnsafePointer<Float>?, Range<Int>) -> Void
  ) {
    let kd = tap / (kernel[1] * kernel[2])
    let kh = tap / kernel[2] % kernel[1]
    let shift = tap % kernel[2] * dilation[2] - padding[2]
    let inside = WindowGeometry.inside(
      shift: shift, stride: stride[2], input: input[2], output: output[2])
    var place = 0
    for od in 0..<output[0] {
      let d = od * stride[0] + kd * dilation[0] - padding[0]
      for oh in 0..<output[1] {
        let h = oh * stride[1] + kh * dilation[1] - padding[1]
        let isInside = (0..<input[0]).contains(d) && (0..<input[1]).contains(h)
        body(place, isInside ? plane + (d * input[1] + h) * input[2] + shift : nil, inside)
        place += output[2]
      }
    }
  }

  private func gatherTap(
    _ plane: UnsafePointer<Float>, tap: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let (width, step) = (output[2], stride[2])
    rows(of: plane, tap: tap) { place, source, inside in
      let line = out + place
      guard let source else {
        line.update(repeating: 0, count: width)
        return
      }
      for ow in 0..<inside.lowerBound { line[ow] = 0 }
      if step == 1 {
        (line + inside.lowerBound).update(from: source + inside.lowerBound, count: inside.count)
      } else {
        for ow in inside { line[ow] = source[ow * step] }
      }
      for ow in inside.upperBound..<width { line[ow] = 0 }
    }
  }

  /// y[image, o, pixel] = product[o, image, pixel] + bias[o].
  private func scatter(
    _ product: UnsafePointer<Float>, _ bias: [Float]?, first: Int, count: Int, group: Int,
    into y: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, target) = (product, y)
    parallelFor(groupOut * count, grain: 4) { range in
      for item in range {
        let (o, image) = (item / count, item % count)
        let channel = group * groupOut + o
        let from = source + (o * count + image) * pixels
        let to = target + ((first + image) * groups * groupOut + channel) * pixels
        let b = bias?[channel] ?? 0
        for p in 0..<pixels { to[p] = from[p] + b }
      }
    }
  }

  private func runDepthwise(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ bias: [Float]?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, weight, target) = (x, w, y)
    let step = stride[2]
    parallelFor(images * groups * groupOut, grain: 1) { range in
      for item in range {
        let image = item / (groups * groupOut)
        let channel = item % (groups * groupOut)
        let plane = source + (image * groups + channel / groupOut) * inputPixels
        let out = target + item * pixels
        out.update(repeating: bias?[channel] ?? 0, count: pixels)
        for tap in 0..<taps {
          let factor = weight[channel * taps + tap]
          rows(of: plane, tap: tap) { place, source, inside in
            guard let source else { return }
            let line = out + place
            if step == 1 {
              for ow in inside { line[ow] += factor * source[ow] }
            } else {
              for ow in inside { line[ow] += factor * source[ow * step] }
            }
          }
        }
      }
    }
  }
}
