/// Where the largest element of each window stands, counted in row-major order over the spatial dimensions of its plane: of equal
/// ones the first, of NaNs the last. torch's max_pool1d/2d/3d_with_indices and adaptive_max_pool1d/2d/3d.
struct MaxPoolIndices: Operator {
  static let torchName = "max_pool_indices"

  /// Which elements the windows see.
  enum Windows: Sendable {
    case sliding(WindowGeometry, ceiling: Bool)
    case adaptive([Int?])
  }

  let windows: Windows
  let name: String

  private var rank: Int {
    switch windows {
    case .sliding(let window, _): window.rank
    case .adaptive(let size): size.count
    }
  }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.float32, .float16, .bfloat16])
    switch windows {
    case .sliding(let window, let ceiling):
      let plain = TensorSpec(shape: x.shape, dtype: .float32)
      let shape = try MaxPool(window: window, ceiling: ceiling, name: name).outputSpec([plain])
        .shape
      return TensorSpec(shape: shape, dtype: .int64)
    case .adaptive(let requested):
      let lead = x.shape.dropLast(rank)
      let sizes = try AdaptiveWindows.sizes(requested, x.shape, name: name)
      return TensorSpec(shape: lead + sizes, dtype: .int64)
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].converted(to: .float32).contiguous()
    let result = try Tensor(uninitialized: output.shape, dtype: .int64)
    let size = Array(x.shape.suffix(rank))
    let search = WindowSearch(spans(size, Array(output.shape.suffix(rank))), size: size)
    x.withElements(Float.self) { source in
      result.withMutableElements(Int64.self) { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        search.run(planes: output.shape.dropLast(rank).reduce(1, *), source, target)
      }
    }
    return result
  }

  /// For each dimension and each place of the output along it, what its window sees.
  private func spans(_ input: [Int], _ output: [Int]) -> [[WindowSearch.Span]] {
    input.indices.map { d in
      (0..<output[d]).map { o in
        switch windows {
        case .adaptive:
          let window = AdaptiveWindows.window(o, of: output[d], size: input[d])
          return WindowSearch.Span(first: window.lowerBound, step: 1, count: window.count)
        case .sliding(let window, _):
          let (start, step) = (o * window.stride[d] - window.padding[d], window.dilation[d])
          let inside = (0..<window.kernel[d]).filter {
            (0..<input[d]).contains(start + $0 * step)
          }
          return WindowSearch.Span(
            first: start + (inside.first ?? 0) * step, step: step, count: inside.count)
        }
      }
    }
  }
}

/// The search for the largest elements of windows over planes.
private struct WindowSearch: Sendable {
  /// What a window sees along one dimension.
  struct Span: Sendable {
    let first: Int
    let step: Int
    let count: Int
  }

  private let spans: [[Span]]
  private let size: [Int]

  /// Windows over up to three dimensions of a plane's size; missing ones in front have size 1.
  init(_ spans: [[Span]], size: [Int]) {
    let missing = 3 - size.count
    let whole = [[Span]](repeating: [Span(first: 0, step: 1, count: 1)], count: missing)
    self.spans = whole + spans
    self.size = [Int](repeating: 1, count: missing) + size
  }

  func run(planes: Int, _ x: UnsafePointer<Float>, _ places: UnsafeMutablePointer<Int64>) {
    nonisolated(unsafe) let (x, places) = (x, places)
    let (from, to) = (size.reduce(1, *), spans.reduce(1) { $0 * $1.count })
    parallelFor(planes, grain: 4) { range in
      for plane in range { self.plane(x + plane * from, places + plane * to) }
    }
  }

  private func plane(_ x: UnsafePointer<Float>, _ places: UnsafeMutablePointer<Int64>) {
    var index = 0
    for depth in spans[0] {
      for height in spans[1] {
        for width in spans[2] {
          places[index] = Int64(largest(x, depth, height, width))
          index += 1
        }
      }
    }
  }

  /// The place of a window's largest element. One that sees nothing, which dilation makes at the end of a dimension, counts as the
  /// plane's last element.
  private func largest(_ x: UnsafePointer<Float>, _ depth: Span, _ height: Span, _ width: Span)
    -> Int
  {
    if depth.count == 0 || height.count == 0 || width.count == 0 { return size.reduce(1, *) - 1 }
    var place = (depth.first * size[1] + height.first) * size[2] + width.first
    var best = -Float.infinity
    for d in 0..<depth.count {
      for h in 0..<height.count {
        let row = (depth.first + d * depth.step) * size[1] + height.first + h * height.step
        for w in 0..<width.count {
          let here = row * size[2] + width.first + w * width.step
          let value = x[here]
          // NaN wins, also against another one.
          if value > best || value != value { (place, best) = (here, value) }
        }
      }
    }
    return place
  }
}

extension Functional {
  /// `maxPool`, and where each result stands in its plane, int64 in row-major order over the spatial dimensions: of equal ones the
  /// first. torch.nn.functional.max_pool1d, max_pool2d, max_pool3d with `return_indices=True`.
  ///
  /// - Parameter input: float32 or a half type, `[N, C, spatial...]`; N may be left out.
  public static func maxPoolWithIndices(
    _ input: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil,
    dilation: [Int]? = nil, ceiling: Bool = false
  ) throws(OctetError) -> (output: Tensor, indices: Tensor) {
    let pool = try maxPoolOperator(kernel, stride, padding, dilation, ceiling)
    let windows = MaxPoolIndices.Windows.sliding(pool.window, ceiling: ceiling)
    let indices = try apply(MaxPoolIndices(windows: windows, name: pool.name), [input])
    return (try apply(pool, [input]), indices)
  }

  /// `adaptiveMaxPool`, and where each result stands in its plane, int64 in row-major order over the spatial dimensions: of equal
  /// ones the first. torch.nn.functional.adaptive_max_pool1d/2d/3d with `return_indices=True`.
  ///
  /// - Parameter input: float32 or a half type, `[N, C, spatial...]`; N may be left out.
  public static func adaptiveMaxPoolWithIndices(_ input: Tensor, outputSize: [Int?])
    throws(OctetError) -> (output: Tensor, indices: Tensor)
  {
    let name = "adaptive_max_pool\(outputSize.count)d"
    let indices = try apply(
      MaxPoolIndices(windows: .adaptive(outputSize), name: name), [input])
    let lead = Array(input.shape.dropLast(outputSize.count))
    let values = try gather(
      input.reshaped(lead + [-1]), dim: -1, index: indices.view(lead + [-1]))
    return (try values.view(indices.shape), indices)
  }
}
