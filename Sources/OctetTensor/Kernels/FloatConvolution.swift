/// Float32 convolution by gathered columns and one matrix product for each image and group.
///
/// With enough images each thread takes whole images, whose columns stay in its cache; otherwise the threads share a product. A
/// channel of its own (depthwise) skips the columns: it has nothing to multiply a matrix with.
struct FloatConvolution: Sendable {
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
  let inputPixels: Int
  let pixels: Int
  let taps: Int
  /// True when columns are the plane itself, shifted: stride 1, and rows as long as the input's.
  let shiftsPlanes: Bool

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
    inputPixels = self.input.reduce(1, *)
    pixels = self.output.reduce(1, *)
    taps = kernel.reduce(1, *)
    shiftsPlanes =
      stride == [1, 1, 1] && self.output[2] == self.input[2] && self.input[0] == 1
      && self.output[0] == 1 && kernel[0] == 1 && padding[0] == 0
  }

  /// Rows of the columns: input values under each output.
  var depth: Int { groupIn * taps }

  /// True when input and output channels correspond one to one.
  var isDepthwise: Bool { groupIn == 1 && groupOut <= 2 }

  /// True when the input itself is the columns.
  var isPointwise: Bool { taps == 1 && pixels == inputPixels && stride == [1, 1, 1] }

  func run(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ bias: [Float]?,
    _ y: UnsafeMutablePointer<Float>
  ) throws(OctetError) {
    if isDepthwise {
      runDepthwise(x, w, bias, y)
      return
    }
    nonisolated(unsafe) let (x, w, y) = (x, w, y)
    let alone = images * groups >= 2 * Kernels.maxThreads
    let multiply = try FloatProduct(threads: alone ? 1 : 0)
    let body: @Sendable (Range<Int>) -> Void = { range in
      let buffer = isPointwise ? nil : WorkspacePool.shared.take(depth * pixels * 4)
      for item in range {
        let (image, group) = (item / groups, item % groups)
        let source = x + (image * groups + group) * groupIn * inputPixels
        let target = y + (image * groups + group) * groupOut * pixels
        let columns = buffer?.floats ?? UnsafeMutablePointer(mutating: source)
        if buffer != nil { gather(source, inParallel: !alone, into: columns) }
        if let bias {
          for o in 0..<groupOut {
            (target + o * pixels).update(repeating: bias[group * groupOut + o], count: pixels)
          }
        }
        multiply(
          m: groupOut, n: pixels, k: depth, w + group * groupOut * depth, lda: depth, columns,
          ldb: pixels, accumulates: bias != nil, target, ldc: pixels)
      }
      if let buffer { WorkspacePool.shared.put(buffer) }
    }
    if alone {
      parallelFor(images * groups, grain: 1, body)
    } else {
      body(0..<(images * groups))
    }
  }

  /// columns[c, tap, pixel] = x at the tap, 0 outside.
  func gather(
    _ x: UnsafePointer<Float>, inParallel: Bool, into columns: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, target) = (x, columns)
    let body: @Sendable (Range<Int>) -> Void = { range in
      for c in range {
        let plane = source + c * inputPixels
        for tap in 0..<taps {
          gatherTap(plane, tap: tap, into: target + (c * taps + tap) * pixels)
        }
      }
    }
    if inParallel && groupIn > 1 {
      parallelFor(groupIn, grain: 1, body)
    } else {
      body(0..<groupIn)
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
    let (strideD, strideH, padD, padH) = (stride[0], stride[1], padding[0], padding[1])
    let (depths, heights, width) = (input[0], input[1], input[2])
    let inside = WindowGeometry.inside(
      shift: shift, stride: stride[2], input: width, output: output[2])
    let (moreD, moreH) = (kd * dilation[0] - padD, kh * dilation[1] - padH)
    let (outD, outH, outW) = (output[0], output[1], output[2])
    var place = 0
    for od in 0..<outD {
      let d = od * strideD + moreD
      for oh in 0..<outH {
        let h = oh * strideH + moreH
        let isInside = d >= 0 && d < depths && h >= 0 && h < heights
        body(place, isInside ? plane + (d * heights + h) * width + shift : nil, inside)
        place += outW
      }
    }
  }

  /// Where a tap of a shifting convolution looks: rows, and columns from which it is to the left or right.
  func shift(_ tap: Int) -> (rows: Int, columns: Int) {
    (
      tap / kernel[2] * dilation[1] - padding[1], tap % kernel[2] * dilation[2] - padding[2]
    )
  }

  /// The output rows whose tap lies inside the input.
  func inside(rows: Int) -> Range<Int> {
    let low = min(max(-rows, 0), output[1])
    return low..<max(min(input[1] - rows, output[1]), low)
  }

  /// Sets the outputs to 0 whose tap lies to the left or right of the input.
  func clearEdges(_ columns: Int, _ inside: Range<Int>, _ out: UnsafeMutablePointer<Float>) {
    let width = output[2]
    let edge = columns < 0 ? 0..<min(-columns, width) : max(width - columns, 0)..<width
    for row in inside {
      for ow in edge { out[row * width + ow] = 0 }
    }
  }

  private func shiftTap(
    _ plane: UnsafePointer<Float>, tap: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let width = output[2]
    let (rows, columns) = shift(tap)
    let inside = inside(rows: rows)
    out.update(repeating: 0, count: inside.lowerBound * width)
    // The run lies inside the plane but for what the edges' zeros cover.
    let first = max(inside.lowerBound * width, -(rows * width + columns))
    let last = min(inside.upperBound * width, input[1] * width - (rows * width + columns))
    if first < last {
      (out + first).update(from: plane + first + rows * width + columns, count: last - first)
    }
    clearEdges(columns, inside, out)
    (out + inside.upperBound * width).update(
      repeating: 0, count: (output[1] - inside.upperBound) * width)
  }

  func gatherTap(
    _ plane: UnsafePointer<Float>, tap: Int, into out: UnsafeMutablePointer<Float>
  ) {
    if shiftsPlanes {
      shiftTap(plane, tap: tap, into: out)
      return
    }
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

  private func runDepthwise(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ bias: [Float]?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (source, weight, target) = (x, w, y)
    parallelFor(images * groups, grain: 4) { range in
      let buffer = WorkspacePool.shared.take(pixels * 4)
      guard let column = buffer.floats else { return }
      for item in range {
        let group = item % groups
        for o in 0..<groupOut {
          (target + (item * groupOut + o) * pixels).update(
            repeating: bias?[group * groupOut + o] ?? 0, count: pixels)
        }
        for tap in 0..<taps {
          gatherTap(source + item * inputPixels, tap: tap, into: column)
          for o in 0..<groupOut {
            let factor = weight[(group * groupOut + o) * taps + tap]
            let out = target + (item * groupOut + o) * pixels
            for i in 0..<pixels { out[i] += factor * column[i] }
          }
        }
      }
      WorkspacePool.shared.put(buffer)
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// The first float of scratch memory, which isn't empty.
  var floats: UnsafeMutablePointer<Float>? { baseAddress?.assumingMemoryBound(to: Float.self) }
}
