// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who depends on Octet resolves or builds a benchmark harness.
let package = Package(
  name: "OctetBenchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "Octet", path: ".."),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "Eager",
      dependencies: [
        .product(name: "Octet", package: "Octet"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/Eager",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
    )
  ],
  swiftLanguageModes: [.v6]
)
