/// How `interpolate` finds output elements between or among input elements. torch's `mode`.
public enum InterpolationMode: String, Sendable, CaseIterable {
  /// The input at `floor(o * step)`.
  case nearest
  /// The input at `floor((o + 0.5) * step)`.
  case nearestExact = "nearest-exact"
  /// Linear between neighbours, one spatial dimension.
  case linear
  /// Linear between neighbours, two spatial dimensions.
  case bilinear
  /// Cubic between the four nearest along each of two spatial dimensions; reals only.
  case bicubic
  /// Linear between neighbours, three spatial dimensions; reals only.
  case trilinear
  /// Adaptive average pooling.
  case area

  /// Spatial dimensions of the linear and cubic modes, nil for modes that take any number.
  var spatialRank: Int? {
    switch self {
    case .linear: 1
    case .bilinear, .bicubic: 2
    case .trilinear: 3
    case .nearest, .nearestExact, .area: nil
    }
  }
}

/// Resizing by nearest, linear or cubic interpolation. torch.nn.functional.interpolate.
struct Interpolate: DifferentiableOperator {
  static let torchName = "interpolate"
  static let onnxName: String? = "Resize"
  static var widensHalf: Bool { true }

  let size: [Int]?
  let scales: [Double]?
  let mode: InterpolationMode
  let alignCorners: Bool
  /// Whether steps follow from sizes where scales are given.
  var recomputesScale = false

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.float32, .quint8, .qint8])
    if x.quantizer?.axis != nil {
      throw error(
        .invalidQuantizer, "input", expected: "a per-tensor scheme", received: "a per-channel one",
        fix: "dequantize it first")
    }
    guard (3...5).contains(x.rank), x.shape[2...].allSatisfy({ $0 > 0 }) else {
      throw error(
        .shapeMismatch, "input", expected: "[N, C, spatial...] with 1 to 3 dimensions, none empty",
        received: "shape \(x.shape)")
    }
    let rank = x.rank - 2
    if let needed = mode.spatialRank, needed != rank {
      throw error(
        .invalidArgument, "mode",
        expected: "\(["linear", "bilinear", "trilinear"][rank - 1]) for shape \(x.shape)",
        received: mode.rawValue)
    }
    if x.isQuantized && (mode == .bicubic || (rank == 3 && mode.spatialRank != nil)) {
      throw error(
        .invalidArgument, "mode",
        expected: mode == .bicubic
          ? "nearest or bilinear for a quantized tensor"
          : "nearest or nearest-exact for a quantized 5-d tensor",
        received: mode.rawValue, fix: "dequantize it first")
    }
    return TensorSpec(
      shape: x.shape[..<2] + (try outputSize(Array(x.shape[2...]))), dtype: x.dtype,
      quantizer: x.quantizer)
  }

  /// The output's spatial size: as given, or `floor(in * scale)`.
  func outputSize(_ input: [Int]) throws(OctetError) -> [Int] {
    let limit = Int(Int32.max)
    switch (size, scales) {
    case (let size?, nil):
      guard size.count == input.count, size.allSatisfy({ (1...limit).contains($0) }) else {
        throw error(
          .invalidArgument, "size", expected: "\(input.count) positive sizes",
          received: "\(size)")
      }
      return size
    case (nil, let scales?):
      guard scales.count == input.count else {
        throw error(
          .invalidArgument, "scale_factor", expected: "\(input.count) factors, or one for all",
          received: "\(scales)")
      }
      let sizes = zip(input, scales).map { (Double($0) * $1).rounded(.down) }
      guard sizes.allSatisfy({ $0 >= 1 && $0 <= Double(limit) }) else {
        throw error(
          .invalidArgument, "scale_factor",
          expected: "positive factors that leave at least one element of \(input)",
          received: "\(scales)")
      }
      return sizes.map { Int($0) }
    default:
      throw error(
        .invalidArgument, "size", expected: "either size or scale_factor",
        received: size == nil ? "neither" : "both")
    }
  }

  /// Input elements that one output element advances, per dimension, in float32.
  private func steps(_ input: ArraySlice<Int>, _ output: ArraySlice<Int>) -> [Float] {
    zip(input, output).enumerated().map { d, sizes in
      let (from, to) = sizes
      if mode.spatialRank != nil && alignCorners {
        return to > 1 ? Float(from - 1) / Float(to - 1) : 0
      }
      if !recomputesScale, let scale = scales?[d] { return Float(1 / scale) }
      return Float(from) / Float(to)
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let planes = output.shape[0] * output.shape[1]
    let cubic = mode == .bicubic ? cubicResampling(x.shape, output.shape) : nil
    let resampling = resampling(x.shape, output.shape)
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        if let cubic {
          cubic.run(planes: planes, source, target)
        } else {
          resampling.run(planes: planes, source, target)
        }
      }
    }
    return result
  }

  private func resampling(_ input: [Int], _ output: [Int]) -> FloatResampling {
    let steps = steps(input[2...], output[2...])
    let missing = 3 - steps.count
    let point = [FloatResampling.Tap(first: 0, second: 0, weight: 0)]
    let taps =
      [[FloatResampling.Tap]](repeating: point, count: missing)
      + steps.indices.map { d in
        (0..<output[d + 2]).map { tap($0, steps[d], input[d + 2]) }
      }
    return FloatResampling(
      input: [Int](repeating: 1, count: missing) + input[2...], taps: taps)
  }

  private func cubicResampling(_ input: [Int], _ output: [Int]) -> CubicResampling {
    let steps = steps(input[2...], output[2...])
    let taps = (0..<2).map { d in
      (0..<output[d + 2]).map { o in
        let position = alignCorners ? steps[d] * Float(o) : steps[d] * (Float(o) + 0.5) - 0.5
        return CubicResampling.Tap(at: position, size: input[d + 2])
      }
    }
    return CubicResampling(input: Array(input[2...]), rows: taps[0], columns: taps[1])
  }

  var saved: SavedForBackward { [] }

  /// Each input gets the gradients of the outputs it took part in, times its weights there.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let shape = context.inputSpecs[0].shape
    let dy = try context.gradient.contiguous()
    let result = try Tensor(repeating: Float(0), shape: shape)
    let planes = shape[0] * shape[1]
    let cubic = mode == .bicubic ? cubicResampling(shape, dy.shape) : nil
    let resampling = resampling(shape, dy.shape)
    dy.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        if let cubic {
          cubic.spread(planes: planes, source, target)
        } else {
          resampling.spread(planes: planes, source, target)
        }
      }
    }
    return [result]
  }

  /// The two inputs around output `o`, and the weight of the second.
  private func tap(_ o: Int, _ step: Float, _ size: Int) -> FloatResampling.Tap {
    if mode.spatialRank == nil {
      let position = (mode == .nearestExact ? Float(o) + 0.5 : Float(o)) * step
      let index = min(Int(position), size - 1)
      return FloatResampling.Tap(first: index, second: index, weight: 0)
    }
    let position = max(alignCorners ? step * Float(o) : step * (Float(o) + 0.5) - 0.5, 0)
    let first = min(Int(position), size - 1)
    let weight = position < Float(size) ? position - Float(first) : 0
    return FloatResampling.Tap(first: first, second: min(first + 1, size - 1), weight: weight)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = inputs[0]
    guard case .perTensor(_, let zeroPoint)? = x.quantizer?.parameters else { return x }
    let isLinear = mode.spatialRank != nil
    // A size that stays is a copy, whatever the scale; torch's blend of channels-last tensors has no such shortcut.
    if output.shape == x.shape && !(isLinear && x.isChannelsLast) { return try x.clone() }
    let steps = steps(x.shape[2...], output.shape[2...])
    return try PooledShape.channelsLast(x, rank: x.rank - 2, output) { x, y throws(OctetError) in
      if isLinear {
        try Kernel.interpolateLinear(
          x, steps: steps, alignCorners: alignCorners, zeroPoint: zeroPoint, into: y)
      } else {
        try Kernel.interpolateNearest(
          x, steps: steps, centered: mode == .nearestExact, into: y)
      }
    }
  }
}

extension Functional {
  /// Resizes the spatial dimensions to `size`, or by `scaleFactor`.
  ///
  /// quint8 and qint8 keep their quantizer: nearest modes copy integers, linear and bilinear blend the integers as they are in
  /// float32 and give `clamp(z + rint(t - z))`, ties to even, and area is `adaptiveAvgPool`. One output element advances
  /// `in / out` input elements, or `1 / scaleFactor` when that is given. torch.nn.functional.interpolate.
  ///
  /// - Parameters:
  ///   - input: float32, quint8 or qint8 `[N, C, spatial...]`.
  ///   - size: the output's spatial size.
  ///   - scaleFactor: a factor for each spatial dimension, or one for all.
  ///   - alignCorners: for the linear and cubic modes: the corner elements of input and output lie on each other.
  ///   - recomputeScaleFactor: one output element advances `in / out` input elements also where `scaleFactor` is given.
  public static func interpolate(
    _ input: Tensor, size: [Int]? = nil, scaleFactor: [Double]? = nil,
    mode: InterpolationMode = .nearest, alignCorners: Bool? = nil,
    recomputeScaleFactor: Bool = false
  ) throws(OctetError) -> Tensor {
    let rank = max(input.rank - 2, 0)
    func spread<Value>(_ list: [Value]?) -> [Value]? {
      list.map { $0.count == 1 ? [Value](repeating: $0[0], count: rank) : $0 }
    }
    let op = Interpolate(
      size: spread(size), scales: spread(scaleFactor), mode: mode,
      alignCorners: alignCorners ?? false, recomputesScale: recomputeScaleFactor)
    if recomputeScaleFactor && size != nil {
      throw op.error(
        .invalidArgument, "recompute_scale_factor", expected: "false with an explicit size",
        received: "true", fix: "leave it out, or give a scale factor")
    }
    if alignCorners != nil && mode.spatialRank == nil {
      throw op.error(
        .invalidArgument, "align_corners", expected: "none for mode \(mode.rawValue)",
        received: "\(alignCorners == true)", fix: "leave it out")
    }
    guard mode == .area, (3...5).contains(input.rank) else { return try apply(op, [input]) }
    let outputSize = try op.outputSize(Array(input.shape[2...]))
    return try adaptiveAvgPool(input, outputSize: outputSize)
  }

  /// `interpolate` under its older name. torch.nn.functional.upsample.
  public static func upsample(
    _ input: Tensor, size: [Int]? = nil, scaleFactor: [Double]? = nil,
    mode: InterpolationMode = .nearest, alignCorners: Bool? = nil
  ) throws(OctetError) -> Tensor {
    try interpolate(
      input, size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners)
  }

  /// Nearest `interpolate`. torch.nn.functional.upsample_nearest.
  public static func upsampleNearest(
    _ input: Tensor, size: [Int]? = nil, scaleFactor: [Double]? = nil
  ) throws(OctetError) -> Tensor {
    try interpolate(input, size: size, scaleFactor: scaleFactor)
  }

  /// Bilinear `interpolate` with aligned corners. torch.nn.functional.upsample_bilinear.
  public static func upsampleBilinear(
    _ input: Tensor, size: [Int]? = nil, scaleFactor: [Double]? = nil
  ) throws(OctetError) -> Tensor {
    try interpolate(
      input, size: size, scaleFactor: scaleFactor, mode: .bilinear, alignCorners: true)
  }
}
