import COctetBench
import Octet

/// An operation with data of its own, ready to be timed.
final class BenchOperation {
  private let operation: OpaquePointer
  private let name: String

  /// Allocates and packs.
  ///
  /// - Throws: `kernelFailure` with the library's sentence.
  init(_ shape: oct_bench_shape, name: String, threads: Int) throws(OctetError) {
    var made: OpaquePointer?
    let problem = oct_bench_create_with_own_data([shape], CInt(clamping: threads), &made)
    guard problem == nil, let made else { throw Self.failure(name, problem) }
    operation = made
    self.name = name
  }

  deinit { oct_bench_destroy(operation) }

  /// The kernel or instruction at work.
  var kernel: String { oct_bench_kernel(operation).map { String(cString: $0) } ?? "" }

  /// Times calls for about so many seconds.
  ///
  /// - Throws: `kernelFailure` when a call fails.
  func measure(seconds: Double) throws(OctetError) -> oct_bench_timing {
    var timing = oct_bench_timing()
    if let problem = oct_bench_measure(operation, seconds, &timing) {
      throw Self.failure(name, problem)
    }
    return timing
  }

  private static func failure(_ name: String, _ problem: UnsafePointer<CChar>?) -> OctetError {
    OctetError(
      .kernelFailure, operation: "bench", argument: name, expected: "an operation that runs",
      received: problem.map { String(cString: $0) } ?? "none")
  }
}
