import OctetTensor
import Testing

/// How a tensor of the walk is quantized.
enum WalkScheme: String, CaseIterable, Sendable {
  case plain, perTensor, perChannel, perChannelFloat

  /// A tensor of any shape; channels are those of the axis 1, or of 0 where there is no other.
  func tensor(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    let count = shape.reduce(1, *)
    if !dtype.isQuantized {
      return try Tensor((0..<count).map { Double($0 % 2) }, shape: shape).converted(to: dtype)
    }
    let axis = shape.count > 1 ? 1 : 0
    let channels = shape.isEmpty ? 1 : shape[axis]
    let quantizer =
      switch self {
      case .plain, .perTensor: try Quantizer(scale: 0.5, zeroPoint: 1, dtype: dtype)
      case .perChannel:
        try Quantizer(
          scales: (0..<channels).map { 0.25 * Double($0 + 1) },
          zeroPoints: (0..<channels).map { $0 % 3 }, axis: axis, shape: shape, dtype: dtype)
      case .perChannelFloat:
        try Quantizer(
          scales: (0..<channels).map { 0.25 * Float($0 + 1) },
          floatZeroPoints: (0..<channels).map { 0.5 * Float($0) }, axis: axis, shape: shape,
          dtype: dtype)
      }
    if dtype == .qint32 {
      return try Tensor(
        integers: (0..<count).map { Int32($0 % 4) }, shape: shape, dtype: dtype,
        quantizer: quantizer)
    }
    if dtype == .qint8 {
      return try Tensor(
        integers: (0..<count).map { Int8($0 % 4) }, shape: shape, dtype: dtype,
        quantizer: quantizer)
    }
    let bytes = (count * dtype.bitWidth + 7) / 8
    return try Tensor(
      integers: (0..<bytes).map { UInt8($0 % 4) }, shape: shape, dtype: dtype,
      quantizer: quantizer)
  }
}

/// A dtype and a scheme that can go together.
struct WalkPair: Sendable, CustomTestStringConvertible {
  let dtype: DType
  let scheme: WalkScheme

  var testDescription: String { "\(dtype.rawValue) \(scheme.rawValue)" }

  static let all: [WalkPair] = DType.allCases.flatMap { dtype in
    let schemes: [WalkScheme] =
      switch dtype {
      case .qint32: [.perTensor, .perChannel]
      case _ where dtype.isQuantized: [.perTensor, .perChannel, .perChannelFloat]
      default: [.plain]
      }
    return schemes.map { WalkPair(dtype: dtype, scheme: $0) }
  }
}

@Suite("Every operator on every dtype and scheme")
struct OperatorWalkTests {
  private static let refusals: Set<OctetError.Code> = [
    .dtypeMismatch, .quantizationMismatch, .invalidQuantizer,
  ]

  @Test("The list names every operator, and each has a sample")
  func complete() {
    let listed = OperatorList.all.map { "\($0)" }
    #expect(Set(listed).count == listed.count)
    #expect(Set(operatorSamples.map(\.type)) == Set(listed))
    for type in OperatorList.all { #expect(!type.torchName.isEmpty) }
  }

  @Test("A kernel, or an error that names the pair", arguments: WalkPair.all)
  func walk(_ pair: WalkPair) throws {
    for sample in operatorSamples {
      do {
        let result = try sample.run { try pair.scheme.tensor($0, pair.dtype) }
        // Elements that nobody computed would be caught by the sanitizers, shapes and types here.
        let real = try result.isQuantized ? result.dequantized() : result
        #expect(real.count == result.count && !result.isPlaceholder, "\(sample.type)")
        _ = try real.converted(to: .float64).elements(as: Double.self)
      } catch let error as OctetError {
        let words = error.description
        #expect(Self.refusals.contains(error.code), "\(sample.type): \(words)")
        let namesPair =
          words.contains(pair.dtype.rawValue) || words.contains("per-channel")
          || words.contains("channel axis") || words.contains("per_channel")
        #expect(namesPair, "\(sample.type): \(words)")
        #expect(!error.operation.isEmpty && !error.expected.isEmpty && !error.received.isEmpty)
      }
    }
  }

  @Test("What torch computes in each dtype is computed")
  func floor() throws {
    // The least that has to work; the walk says that the rest is refused in words.
    func works(_ type: String, _ dtype: DType, _ scheme: WalkScheme) -> Bool {
      operatorSamples.contains { sample in
        sample.type == type
          && (try? sample.run { try scheme.tensor($0, dtype) }) != nil
      }
    }
    for type in ["Arithmetic", "Pointwise", "Reduction", "Linear", "MatMul", "Convolution"] {
      for dtype in [DType.float32, .float16, .bfloat16] {
        #expect(works(type, dtype, .plain), "\(type) \(dtype)")
      }
    }
    let quantized = [
      "Pointwise", "Softplus", "Softmax", "MatMul", "PReLU", "QuantizedAdd", "QuantizedMultiply",
      "QuantizedElementwise", "QuantizedSum", "Mean", "Pad", "Concatenate", "Where",
      "GatherElements", "Permute", "Slice", "GELU", "Comparison", "ArgMax", "ArgSort",
    ]
    for type in quantized {
      for dtype in [DType.quint8, .qint8] { #expect(works(type, dtype, .perTensor), "\(type)") }
    }
    for scheme in [WalkScheme.perChannel, .perChannelFloat] {
      for type in ["Dequantize", "Comparison", "View", "Flatten", "Clone", "Slice", "Select"] {
        #expect(works(type, .qint8, scheme), "\(type) \(scheme)")
      }
    }
  }
}
