import Octet
import OctetFormats

/// What calls cost from Swift: operators on tensors so small that the kernel is nearly free, and whole layers.
struct CallBench {
  /// One call.
  struct Row {
    let name: String
    /// Calls between two looks at the clock.
    var batch = 50
    let call: () throws -> Tensor
  }

  /// Nanoseconds a call took.
  struct Result {
    let name: String
    /// In the best batch of calls.
    let least: Double
    /// In the middle one.
    let median: Double

    var json: JSONValue {
      ["name": .string(name), "least_ns": .number(least), "median_ns": .number(median)]
    }

    var line: String {
      let padded = name + String(repeating: " ", count: max(52 - name.count, 0))
      return "\(padded) \(fixed(least / 1000, 3)) us \(fixed(median / 1000, 3)) us"
    }
  }

  /// The columns of `Result.line`.
  static let header = "call" + String(repeating: " ", count: 48) + " least    median"

  let rows: [Row]

  /// The operators that models call most, and a quantized layer.
  static func operators() throws -> CallBench {
    let x = try Tensor(repeating: Float(0.5), shape: [4, 4])
    let row = try Tensor(repeating: Float(0.25), shape: [4])
    let codes = try Functional.quantizePerTensor(x, scale: 0.1, zeroPoint: 3, dtype: .quint8)
    let weight = try Functional.quantizePerTensor(
      Tensor(repeating: Float(0.25), shape: [4, 4]), scale: 0.01, zeroPoint: 0, dtype: .qint8)
    let linear = try Quantized.Linear(weight: weight, bias: nil, scale: 0.1, zeroPoint: 0)
    let index = try Tensor([Int64(0), 2], shape: [2])
    return CallBench(rows: [
      Row(name: "relu, real [4, 4]") { x.relu() },
      Row(name: "relu, quantized [4, 4]") { codes.relu() },
      Row(name: "add, real [4, 4]") { x + x },
      Row(name: "add, real [4, 4] and [4]") { x + row },
      Row(name: "mul by a number, real [4, 4]") { x * 2 },
      Row(name: "silu, real [4, 4]") { x.silu() },
      Row(name: "sum over a dim, real [4, 4]") { x.sum(dims: [1]) },
      Row(name: "matmul, real [4, 4]") { x.matmul(x) },
      Row(name: "x[1], real [4, 4]") { x[1] },
      Row(name: "index_select, real [4, 4]") { x.indexSelect(dim: 0, index: index) },
      Row(name: "Quantized.Linear, [4, 4]") { linear(codes) },
    ])
  }

  /// An encoder layer as BERT's base model has it (768 features, 12 heads, 3072 hidden) on 128 tokens, in float32 and with its linear
  /// layers, or all of its products with weights, quantized while running.
  static func layers() throws -> CallBench {
    let x = try Tensor(
      RandomSource(seed: 1).uniform(count: 128 * 768, in: -1...1), shape: [1, 128, 768])
    func encoder() -> TransformerEncoderLayer {
      TransformerEncoderLayer(768, heads: 12, feedforwardDim: 3072, batchFirst: true).eval()
    }
    let (float, linear, whole) = (encoder(), encoder(), encoder())
    try quantizeDynamic(linear)
    try quantizeDynamic(whole, types: [Linear.self, MultiheadAttention.self])
    func row(_ name: String, _ layer: TransformerEncoderLayer) -> Row {
      Row(name: "TransformerEncoderLayer, \(name)", batch: 1) { noGrad { layer(x) } }
    }
    return CallBench(rows: [
      row("float32", float), row("dynamic int8", linear),
      row("dynamic int8 and attention", whole),
    ])
  }

  /// Times a row for about so many seconds.
  static func measure(_ row: Row, seconds: Double) throws -> Result {
    let clock = ContinuousClock()
    var times: [Double] = []
    let end = clock.now + .seconds(seconds)
    repeat {
      let time = try clock.measure { for _ in 0..<row.batch { _ = try row.call() } }
      times.append(time / .nanoseconds(row.batch))
    } while clock.now < end
    times.sort()
    return Result(name: row.name, least: times[0], median: times[times.count / 2])
  }
}
