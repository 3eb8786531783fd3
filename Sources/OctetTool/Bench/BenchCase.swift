import COctetBench
import Octet

/// One row of a benchmark: a shape and where it belongs.
struct BenchCase {
  /// The heading it stands under.
  let group: String
  /// The shape in words, which `--filter` looks at together with the group.
  let name: String
  let shape: oct_bench_shape

  /// What it costs.
  ///
  /// - Throws: `invalidArgument` for a shape that is none, or one that needs more than 4 GiB.
  func work() throws(OctetError) -> oct_bench_work {
    var work = oct_bench_work()
    if let problem = oct_bench_count_work([shape], &work) {
      throw OctetError(
        .invalidArgument, operation: "bench", argument: name, expected: "a shape that can be run",
        received: String(cString: problem))
    }
    if work.bytes > Self.mostBytes {
      throw OctetError(
        .outOfRange, operation: "bench", argument: name, expected: "at most 4 GiB of data",
        received: "\(fixed(work.bytes / 1_073_741_824, 1)) GiB", fix: "use a smaller shape")
    }
    return work
  }

  private static let mostBytes = 4_294_967_296.0

  /// An m x n x k matrix product.
  static func gemm(_ group: String, _ m: Int, _ n: Int, _ k: Int) -> BenchCase {
    var shape = oct_bench_shape()
    shape.kind = OCT_BENCH_GEMM
    (shape.m, shape.n, shape.k) = (m, n, k)
    return BenchCase(group: group, name: "gemm \(m)x\(n)x\(k)", shape: shape)
  }

  /// A convolution.
  static func conv(_ group: String, _ window: BenchWindow) -> BenchCase {
    BenchCase(
      group: group, name: "conv \(window)", shape: window.shape(OCT_BENCH_CONV))
  }

  /// A max pooling.
  static func maxPool(_ group: String, _ window: BenchWindow) -> BenchCase {
    BenchCase(
      group: group, name: "max pool \(window.poolDescription)",
      shape: window.shape(OCT_BENCH_MAX_POOL))
  }

  /// An operation over `count` elements; those per channel see them as rows of `channels`.
  static func bandwidth(_ kind: oct_bench_kind, _ name: String, _ count: Int, channels: Int = 1)
    -> BenchCase
  {
    var shape = oct_bench_shape()
    shape.kind = kind
    shape.count = count
    shape.channels = channels
    (shape.outer, shape.inner) =
      kind == OCT_BENCH_QUANTIZE_CHANNELS ? (1, count / channels) : (count / channels, 1)
    return BenchCase(group: "bandwidth", name: "\(name) \(sizeName(count))", shape: shape)
  }

  /// A measurement of the machine alone.
  static func machine(_ kind: oct_bench_kind, _ name: String, _ count: Int) -> BenchCase {
    var shape = oct_bench_shape()
    shape.kind = kind
    shape.count = count
    return BenchCase(group: "machine", name: name, shape: shape)
  }
}

/// A count in binary thousands where it is a multiple of them: `16K`, `1M`.
func sizeName(_ count: Int) -> String {
  if count >= 1 << 20, count % (1 << 20) == 0 { return "\(count >> 20)M" }
  if count >= 1 << 10, count % (1 << 10) == 0 { return "\(count >> 10)K" }
  return "\(count)"
}
