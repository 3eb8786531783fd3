// swift-tools-version: 6.2
import PackageDescription

/// One target of the house. Dependencies point down only; docs/architecture.md draws the floors.
let package = Package(
  name: "Octet",
  products: [
    .library(name: "Octet", targets: ["Octet"]),
    .library(name: "COctet", targets: ["COctet"]),
    .executable(name: "octet", targets: ["OctetTool"]),
  ],
  traits: [
    .trait(name: "OpenMP", description: "Kernels run on threads, as many as OpenMP says."),
    .default(enabledTraits: ["OpenMP"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // The C library: int8 kernels, their registry and dispatch.
    .target(
      name: "COctet",
      path: "CSources/COctet",
      publicHeadersPath: "include",
      cSettings: [
        .headerSearchPath("."),
        .define("OCT_OPENMP", .when(platforms: [.linux], traits: ["OpenMP"])),
      ],
      linkerSettings: [
        .linkedLibrary("omp5", .when(platforms: [.linux], traits: ["OpenMP"])),
        .linkedLibrary("m", .when(platforms: [.linux])),
      ]
    ),
    // Timed operations over the library's public interface, and the machine's limits.
    .target(
      name: "COctetBench",
      dependencies: ["COctet"],
      path: "CSources/COctetBench",
      publicHeadersPath: "include",
      cSettings: [.headerSearchPath("../COctet")]
    ),
    .target(
      name: "OctetTensor",
      dependencies: ["COctet"],
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]
    ),
    .target(name: "OctetFormats", dependencies: ["OctetTensor"]),
    .target(name: "OctetNN", dependencies: ["OctetTensor"]),
    .target(name: "OctetGraph", dependencies: ["OctetNN"]),
    .target(name: "OctetQuantization", dependencies: ["OctetGraph", "OctetNN"]),
    .target(
      name: "Octet",
      dependencies: ["OctetTensor", "OctetNN", "OctetGraph", "OctetQuantization", "OctetFormats"]
    ),
    // Runs parity cases: the rooms' operations against an oracle's answers.
    .target(
      name: "OctetParity",
      dependencies: ["OctetTensor", "OctetNN", "OctetGraph", "OctetQuantization", "OctetFormats"]
    ),
    .executableTarget(
      name: "OctetTool",
      dependencies: [
        "COctetBench",
        "Octet",
        "OctetParity",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.copy("Resources")]
    ),
    // The program in the README.
    .executableTarget(name: "Quickstart", dependencies: ["Octet"], path: "Examples/Quickstart"),
    .target(
      name: "OctetTestSupport",
      dependencies: ["OctetTensor"],
      path: "Tests/OctetTestSupport"
    ),
    .testTarget(name: "TensorTests", dependencies: ["OctetTensor", "OctetTestSupport"]),
    .testTarget(
      name: "NNTests", dependencies: ["OctetFormats", "OctetNN", "OctetTestSupport"],
      exclude: ["Fixtures"]),
    .testTarget(name: "GraphTests", dependencies: ["OctetGraph", "OctetNN", "OctetTensor"]),
    .testTarget(
      name: "QuantizationTests",
      dependencies: ["OctetFormats", "OctetGraph", "OctetQuantization", "OctetTestSupport"]
    ),
    .testTarget(name: "FormatsTests", dependencies: ["OctetFormats", "OctetTensor"]),
    .testTarget(
      name: "ExampleTests",
      dependencies: ["OctetFormats", "OctetTool", "Quickstart"]
    ),
    .testTarget(
      name: "ParityTests",
      dependencies: ["OctetParity", "OctetTensor"],
      exclude: ["Cases", "Workflows"]
    ),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
