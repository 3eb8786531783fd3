import Benchmark
import Octet

/// What a call from Swift costs: operators on tensors so small that the kernel is nearly free, and whole modules.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .throughput], scalingFactor: .kilo, maxDuration: .seconds(2))

  let small = eagerly { try Tensor(repeating: Float(0.5), shape: [16]) }
  let codes = eagerly {
    try Functional.quantizePerTensor(small, scale: 0.1, zeroPoint: 3, dtype: .quint8)
  }

  Benchmark("relu, 16 real elements") { benchmark in
    for _ in benchmark.scaledIterations { blackHole(small.relu()) }
  }
  Benchmark("relu, 16 quantized elements") { benchmark in
    for _ in benchmark.scaledIterations { blackHole(codes.relu()) }
  }
  Benchmark("quantizePerTensor, 16 elements") { benchmark in
    for _ in benchmark.scaledIterations {
      blackHole(small.quantizedPerTensor(scale: 0.1, zeroPoint: 3, dtype: .quint8))
    }
  }
  Benchmark("view of 16 elements") { benchmark in
    for _ in benchmark.scaledIterations { blackHole(eagerly { try small.view([4, 4]) }) }
  }

  let weight = eagerly {
    try Functional.quantizePerTensor(
      Tensor(repeating: Float(0.25), shape: [16, 16]), scale: 0.01, zeroPoint: 0, dtype: .qint8)
  }
  let input = eagerly { try codes.view([1, 16]) }
  Benchmark("Quantized.Linear, 1x16x16") { benchmark in
    let linear = try Quantized.Linear(weight: weight, bias: nil, scale: 0.1, zeroPoint: 0)
    for _ in benchmark.scaledIterations { blackHole(linear(input)) }
  }
}

/// Set-up that can't fail.
private func eagerly(_ make: () throws -> Tensor) -> Tensor {
  do { return try make() } catch { fatalError("\(error)") }
}
