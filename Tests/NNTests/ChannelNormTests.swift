import OctetNN
import OctetTensor
import OctetTestSupport
import Testing

/// Mean, biased and unbiased variance.
private func moments(_ values: [Double]) -> (mean: Double, biased: Double, unbiased: Double) {
  let mean = values.reduce(0, +) / Double(values.count)
  let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  return (mean, squares / Double(values.count), squares / Double(values.count - 1))
}

/// A plain batch or instance norm in double over rows `[N, C, inner]`.
private struct PlainNorm {
  let batch = 3
  let channels = 2
  let inner = 5
  var gamma = [1.0, 1.0]
  var beta = [0.0, 0.0]
  var mean: [Double]? = [0, 0]
  var variance: [Double]? = [1, 1]
  var seen = 0

  func place(_ n: Int, _ c: Int, _ i: Int) -> Int { (n * channels + c) * inner + i }

  func normalized(_ x: [Double], _ statistics: (Int, Int) -> (mean: Double, variance: Double))
    -> [Double]
  {
    x.indices.map { at in
      let (n, c) = (at / inner / channels, at / inner % channels)
      let (mean, variance) = statistics(n, c)
      return (x[at] - mean) / (variance + 1e-5).squareRoot() * gamma[c] + beta[c]
    }
  }

  mutating func train(_ x: [Double], momentum: Double?, eachImage: Bool) -> [Double] {
    let groups = eachImage ? (0..<batch).map { [$0] } : [Array(0..<batch)]
    let found = groups.map { images in
      (0..<channels).map { c in
        moments(images.flatMap { n in (0..<inner).map { x[place(n, c, $0)] } })
      }
    }
    seen += 1
    let step = momentum ?? (eachImage ? 0 : 1 / Double(seen))
    func moved(_ old: [Double]?, _ new: (Int, Int) -> Double) -> [Double]? {
      old?.enumerated().map { c, old in
        groups.indices.map { (1 - step) * old + step * new($0, c) }.reduce(0, +)
          / Double(groups.count)
      }
    }
    mean = moved(mean) { found[$0][$1].mean }
    variance = moved(variance) { found[$0][$1].unbiased }
    return normalized(x) { n, c in
      let own = found[eachImage ? n : 0][c]
      return (own.mean, own.biased)
    }
  }

  func evaluate(_ x: [Double]) -> [Double]? {
    guard let mean, let variance else { return nil }
    return normalized(x) { _, c in (mean[c], variance[c]) }
  }
}

private func near(_ tensor: Tensor?, _ want: [Double]?, _ context: String) throws {
  let got = try tensor?.elements(as: Float.self)
  #expect(got?.count == want?.count, "\(context)")
  for (i, (a, b)) in zip(got ?? [], want ?? []).enumerated() {
    #expect(abs(Double(a) - b) <= 2e-5 * max(1, abs(b)), "\(context)[\(i)]: \(a), not \(b)")
  }
}

@Suite("Norms over channels and their running statistics")
struct ChannelNormTests {
  @Test("Training and evaluation are a plain loop's, with every argument")
  func plain() throws {
    for (eachImage, affine, tracks) in [
      (false, true, true), (false, false, true), (false, true, false), (false, false, false),
      (true, true, true), (true, false, true), (true, true, false), (true, false, false),
    ] {
      for momentum in [0.1, 0.75, nil] as [Double?] {
        let layer: ChannelNorm =
          eachImage
          ? InstanceNorm1d(2, momentum: momentum, affine: affine, trackRunningStats: tracks)
          : BatchNorm1d(2, momentum: momentum, affine: affine, trackRunningStats: tracks)
        let context = "\(layer)"
        #expect(layer.isAffine == affine && (layer.runningMean != nil) == tracks)
        var norm = PlainNorm()
        if affine {
          norm.gamma = [1.5, -0.5]
          norm.beta = [0.25, -2]
          layer.weight?.value = try Tensor(norm.gamma.map { Float($0) }, shape: [2])
          layer.bias?.value = try Tensor(norm.beta.map { Float($0) }, shape: [2])
        }
        if !tracks { (norm.mean, norm.variance) = (nil, nil) }
        for seed in 1...3 as ClosedRange<UInt64> {
          let x = TestRandom(seed).floats(30, in: -2...5)
          let want = norm.train(x.map { Double($0) }, momentum: momentum, eachImage: eachImage)
          try near(layer(Tensor(x, shape: [3, 2, 5])), want, context)
          try near(layer.runningMean?.value, norm.mean, context)
          try near(layer.runningVar?.value, norm.variance, context)
        }
        let seen = try layer.numBatchesTracked?.value.elements(as: Int64.self)
        #expect(seen == (tracks ? [eachImage ? 0 : 3] : nil), "\(context)")
        let copy = try layer.copy().eval()
        layer.eval()
        let x = TestRandom(9).floats(30, in: -2...5)
        let doubles = x.map { Double($0) }
        let want =
          norm.evaluate(doubles)
          ?? norm.train(doubles, momentum: momentum, eachImage: eachImage)
        for layer in [layer, copy] {
          try near(layer.evaluate(Tensor(x, shape: [3, 2, 5])), want, context)
        }
        #expect(try layer.numBatchesTracked?.value.elements(as: Int64.self) == seen)
      }
    }
  }

  /// torch 2.8 after batches x and 2x + 1.
  @Test func torchsValues() throws {
    let values = (0..<12).map { Float($0 * 7 % 12 - 5) * 0.5 }
    let x = try Tensor(values, shape: [2, 2, 3])
    let second = try Functional.addScalar(Functional.multiplyScalar(x, 2), 1)
    func check(_ layer: ChannelNorm, _ mean: [Double], _ variance: [Double], _ output: [Double])
      throws
    {
      _ = layer(x)
      _ = layer(second)
      try near(layer.runningMean?.value, mean, "\(layer) mean")
      try near(layer.runningVar?.value, variance, "\(layer) variance")
      try near(layer.eval().evaluate(x), output, "\(layer)")
    }
    let instance = InstanceNorm1d(2, momentum: 0.3, affine: true, trackRunningStats: true)
    instance.weight?.value = try Tensor([2, -0.5] as [Float], shape: [2])
    instance.bias?.value = try Tensor([1, 0.25] as [Float], shape: [2])
    try check(
      instance, [-0.105, 1.11], [5.0725, 5.0725],
      [
        -1.126787, 1.981253, -0.2387758, 0.05241752, 0.6074246, -0.1695853, 1.537247, -0.6827815,
        2.425258, 0.718426, -0.0585839, 0.4964232,
      ])
    try check(
      BatchNorm1d(2, momentum: 0.3), [-0.105, 1.11], [4.579, 4.579],
      [
        -1.119231, 0.5163884, -0.6519112, 0.4159147, -0.752385, 0.8832345, 0.2827285, -0.8855711,
        0.7500483, -0.9860449, 0.6495746, -0.518725,
      ])
    try check(
      BatchNorm1d(2, momentum: nil), [-0.25, 2], [7.25, 7.25],
      [
        -0.8356284, 0.464238, -0.464238, 0, -0.9284761, 0.3713904, 0.2785428, -0.6499333,
        0.6499333, -1.114171, 0.1856952, -0.7427809,
      ])
  }

  @Test("Gradients pass through the batch's own statistics, not through running ones")
  func gradients() throws {
    let x = [3, 2, 4]
    let cases = [
      GradientCase("batch", [x]) {
        try BatchNorm1d(2, affine: false, trackRunningStats: false).eval().forward($0[0])
      },
      GradientCase("instance", [x]) {
        try InstanceNorm1d(2, trackRunningStats: true).forward($0[0])
      },
      GradientCase("running", [x]) {
        let layer = InstanceNorm1d(2, trackRunningStats: true).eval()
        layer.runningVar?.value = try Tensor([0.5, 2] as [Float], shape: [2])
        return try layer.forward($0[0])
      },
    ]
    for item in cases { #expect(try item.mismatches() == [], "\(item)") }
  }

  @Test func theBatchDimensionMayBeLeftOut() throws {
    let x = try Tensor(TestRandom(4).floats(2 * 3 * 4), shape: [1, 2, 3, 4])
    let layer = InstanceNorm2d(2, trackRunningStats: true)
    let alone = try layer.copy()
    let want = layer(x)
    let got = alone(try x.squeezed(0))
    #expect(got.shape == [2, 3, 4])
    #expect(try got.elements(as: Float.self) == want.elements(as: Float.self))
    #expect(alone.runningVar?.value == layer.runningVar?.value)
  }

  @Test func oneElementHasNoStatistics() throws {
    let x = try Tensor([1, 2] as [Float], shape: [1, 2, 1])
    for layer in [BatchNorm1d(2), InstanceNorm1d(2), InstanceNorm1d(2).eval()] as [Module] {
      let error = #expect(throws: OctetError.self) { try layer.evaluate(x) }
      #expect(error?.code == .shapeMismatch)
    }
    let tracked = InstanceNorm1d(2, trackRunningStats: true).eval()
    try near(tracked.evaluate(x), [1 / 1.00001.squareRoot(), 2 / 1.00001.squareRoot()], "")
  }

  @Test func stateAndText() {
    let affine = ["weight", "bias"]
    let running = ["running_mean", "running_var", "num_batches_tracked"]
    #expect(BatchNorm3d(2).stateDictionary().names == affine + running)
    #expect(BatchNorm3d(2, affine: false).stateDictionary().names == running)
    #expect(BatchNorm3d(2, trackRunningStats: false).stateDictionary().names == affine)
    #expect(InstanceNorm3d(2, affine: true).stateDictionary().names == affine)
    #expect(InstanceNorm3d(2, trackRunningStats: true).stateDictionary().names == running)
    #expect("\(BatchNorm2d(3))" == "BatchNorm2d(3, epsilon: 1e-05, momentum: 0.1)")
    #expect(
      "\(BatchNorm2d(3, momentum: nil, affine: false, trackRunningStats: false))"
        == "BatchNorm2d(3, epsilon: 1e-05, momentum: nil, affine: false, trackRunningStats: false)"
    )
  }
}
