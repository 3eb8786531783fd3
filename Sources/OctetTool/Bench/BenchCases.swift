import COctetBench

/// The rows that a run without shapes measures.
enum BenchCases {
  /// Every built-in row, in the order of the table.
  static var all: [BenchCase] { machine + products + convolutions + bandwidth }

  /// Long enough that starting a team of threads doesn't count.
  static let peakUnits = 100_000

  private static var machine: [BenchCase] {
    var cases = [
      BenchCase.machine(OCT_BENCH_INT8_PEAK, "int8 peak", peakUnits),
      BenchCase.machine(OCT_BENCH_FLOAT_PEAK, "float32 peak", peakUnits),
    ]
    for size in [32 << 10, 512 << 10, 8 << 20, 64 << 20] {
      cases.append(.machine(OCT_BENCH_READ, "read \(sizeName(size))", size))
    }
    for size in [16 << 10, 256 << 10, 4 << 20, 32 << 20] {
      cases.append(.machine(OCT_BENCH_COPY, "copy \(sizeName(size))", size))
    }
    return cases
  }

  private static var products: [BenchCase] {
    var cases = [64, 128, 256, 512, 1024, 2048].map { BenchCase.gemm("square", $0, $0, $0) }
    for (n, k) in [(768, 768), (3072, 768), (768, 3072)] { cases.append(.gemm("bert", 128, n, k)) }
    for (m, n, k) in [(3136, 64, 64), (3136, 256, 64), (784, 512, 128), (196, 1024, 256)] {
      cases.append(.gemm("resnet50 1x1", m, n, k))
    }
    cases.append(.gemm("resnet50 1x1", 49, 2048, 512))
    cases.append(.gemm("resnet50 1x1", 49, 512, 2048))
    cases += [.gemm("thin", 100_000, 32, 27), .gemm("thin", 12544, 16, 32)]
    for (n, k) in [(1024, 1024), (4096, 4096), (1000, 2048)] {
      cases.append(.gemm("gemv", 1, n, k))
    }
    for m in [2, 4, 8, 16] { cases.append(.gemm("few rows", m, 4096, 4096)) }
    cases += [.gemm("odd", 37, 123, 259), .gemm("odd", 129, 65, 33), .gemm("odd", 511, 513, 515)]
    return cases
  }

  private static var convolutions: [BenchCase] {
    let resnet: [BenchWindow] = [
      .init(224, 3, 64, k: 7, s: 2, p: 3), .init(56, 64, 64, k: 3, p: 1),
      .init(56, 128, 128, k: 3, s: 2, p: 1), .init(28, 128, 128, k: 3, p: 1),
      .init(14, 256, 256, k: 3, p: 1), .init(7, 512, 512, k: 3, p: 1),
      .init(56, 64, 256, k: 1), .init(56, 256, 512, k: 1, s: 2), .init(14, 1024, 256, k: 1),
    ]
    let mobilenet: [BenchWindow] = [
      .init(112, 32, 32, k: 3, p: 1, g: 32), .init(112, 96, 96, k: 3, s: 2, p: 1, g: 96),
      .init(56, 144, 144, k: 3, p: 1, g: 144), .init(14, 384, 384, k: 3, p: 1, g: 384),
      .init(7, 960, 960, k: 3, p: 1, g: 960), .init(28, 240, 240, k: 5, p: 2, g: 240),
    ]
    let grouped: [BenchWindow] = [
      .init(56, 128, 128, k: 3, p: 1, g: 32), .init(28, 256, 256, k: 3, p: 1, g: 4),
    ]
    return resnet.map { .conv("resnet50", $0) } + mobilenet.map { .conv("depthwise", $0) }
      + grouped.map { .conv("grouped", $0) }
      + [
        .maxPool("pooling", .init(112, 64, 64, k: 3, s: 2, p: 1)),
        .maxPool("pooling", .init(28, 256, 256, k: 2, s: 2)),
      ]
  }

  private static var bandwidth: [BenchCase] {
    var cases: [BenchCase] = []
    for (size, channels) in [(16 << 10, 64), (128 << 10, 64), (1 << 20, 256), (16 << 20, 256)] {
      cases.append(.bandwidth(OCT_BENCH_QUANTIZE, "quantize", size))
      cases.append(
        .bandwidth(
          OCT_BENCH_QUANTIZE_CHANNELS, "quantize per channel", size, channels: channels))
      cases.append(.bandwidth(OCT_BENCH_DEQUANTIZE, "dequantize", size))
      cases.append(.bandwidth(OCT_BENCH_REQUANTIZE, "requantize", size, channels: channels))
    }
    return cases
  }
}
