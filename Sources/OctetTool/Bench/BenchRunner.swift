import COctetBench
import Octet

/// Measures rows, each together with what bounds it.
struct BenchRunner {
  /// Seconds for a row, its bounds included.
  let budget: Double
  /// Turns that a row and its bounds take, so that a change of the clock or other work meets both.
  private let rounds = 5
  /// A bound's share of a turn.
  private let boundShare = 0.25
  /// Larger buffers than this tell nothing more about main memory.
  private static let largestReference = 64 << 20

  init(budget: Double) { self.budget = budget }

  /// Measures a row on so many threads.
  ///
  /// - Throws: what `BenchCase.work()` and `BenchOperation` throw.
  func run(_ row: BenchCase, threads: Int) throws(OctetError) -> BenchResult {
    let work = try row.work()
    let operation = try BenchOperation(row.shape, name: row.name, threads: threads)
    var bounds = try Self.bounds(row, work, threads: threads)
    let turn = budget / Double(rounds)
    let boundTime = bounds.isEmpty ? 0 : turn * boundShare / Double(bounds.count)
    var turns: [oct_bench_timing] = []
    for _ in 0..<rounds {
      for index in bounds.indices { try bounds[index].measure(seconds: boundTime) }
      turns.append(try operation.measure(seconds: bounds.isEmpty ? turn : turn * (1 - boundShare)))
    }
    let least = turns.map(\.least).min() ?? 0
    // The bound that takes the longest is the one that holds.
    let binding = bounds.max { $0.least < $1.least }
    return BenchResult(
      row: row, threads: threads, work: work,
      least: least, median: median(turns.map(\.median)),
      calls: turns.reduce(0) { $0 + $1.calls }, kernel: operation.kernel,
      bound: binding.map { .init(name: $0.name, nanoseconds: $0.least) })
  }

  /// What a row can't be faster than: its operations at the tier's peak, and its bytes at the speed of memory of their size.
  private static func bounds(_ row: BenchCase, _ work: oct_bench_work, threads: Int)
    throws(OctetError) -> [Bound]
  {
    if row.group == "machine" { return [] }
    // What one thread reaches, several can: a team that was held up must not lower the bound.
    let teams = threads > 1 ? [1, threads] : [1]
    var bounds: [Bound] = []
    if work.operations > 0 {
      let peak = BenchCase.machine(OCT_BENCH_INT8_PEAK, "int8 peak", BenchCases.peakUnits)
      let operations = try peak.work().operations
      var bound = Bound(name: peak.name)
      for team in teams {
        try bound.add(peak, threads: team, scale: work.operations / (operations * Double(team)))
      }
      bounds.append(bound)
    }
    // Weights are only read; where they aren't most of the bytes, reads and writes mix, as in a copy.
    let reads = 2 * work.weight_bytes >= work.bytes
    let wanted = min(Int(reads ? work.bytes : work.bytes / 2), largestReference)
    let size = max((wanted + 255) / 256 * 256, 256)
    let memory = BenchCase.machine(
      reads ? OCT_BENCH_READ : OCT_BENCH_COPY, reads ? "read" : "copy", size)
    var bound = Bound(name: memory.name)
    let bytes = try memory.work().bytes
    for team in teams { try bound.add(memory, threads: team, scale: work.bytes / bytes) }
    bounds.append(bound)
    return bounds
  }

  /// Measurements that a row is held against.
  private struct Bound {
    let name: String
    /// Each with the row's work in terms of its own.
    private var operations: [(operation: BenchOperation, scale: Double)] = []
    /// The least time the row could take.
    private(set) var least = Double.infinity

    init(name: String) { self.name = name }

    mutating func add(_ row: BenchCase, threads: Int, scale: Double) throws(OctetError) {
      operations.append((try BenchOperation(row.shape, name: row.name, threads: threads), scale))
    }

    mutating func measure(seconds: Double) throws(OctetError) {
      for (operation, scale) in operations {
        let share = seconds / Double(operations.count)
        least = min(least, try operation.measure(seconds: share).least * scale)
      }
    }
  }
}

/// The middle one.
private func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
}
