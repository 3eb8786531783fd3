import COctetBench
import OctetFormats

/// A measured row.
struct BenchResult {
  /// What a row can't be faster than, and how long that would take.
  struct Bound {
    let name: String
    let nanoseconds: Double
  }

  let row: BenchCase
  let threads: Int
  let work: oct_bench_work
  /// Nanoseconds per call: the least batch, and the median over the turns of their medians.
  let least: Double
  let median: Double
  let calls: Int64
  let kernel: String
  let bound: Bound?

  /// The bound's time over the row's.
  var fraction: Double? { bound.map { least > 0 ? $0.nanoseconds / least : 0 } }

  /// The peaks count their operations for each thread.
  private var operations: Double {
    row.group == "machine" ? work.operations * Double(threads) : work.operations
  }

  /// Billions of operations or bytes in a second, at the least time.
  var rate: Double { least > 0 ? (isCompute ? operations : work.bytes) / least : 0 }
  var isCompute: Bool { work.operations > 0 }

  /// The row as one line of a table; columns are `BenchTable`'s.
  var cells: [String] {
    [
      row.name, "\(threads)", "\(fixed(rate, rate < 100 ? 1 : 0)) \(isCompute ? "GOP/s" : "GB/s")",
      Self.duration(least), Self.duration(median),
      fraction.map { "\(fixed($0 * 100, 1))%" } ?? "", bound?.name ?? "", kernel,
    ]
  }

  private static func duration(_ nanoseconds: Double) -> String {
    if nanoseconds < 1e3 { return "\(fixed(nanoseconds, 0)) ns" }
    return nanoseconds < 1e6
      ? "\(fixed(nanoseconds / 1e3, 2)) us" : "\(fixed(nanoseconds / 1e6, 3)) ms"
  }

  /// The row as `octet.bench/1` has it.
  var json: JSONValue {
    var object: JSONObject = [
      "group": .string(row.group), "name": .string(row.name),
      "threads": .integer(Int64(threads)), "kernel": .string(kernel),
      "operations": .number(operations), "bytes": .number(work.bytes),
      "least_ns": .number(least), "median_ns": .number(median), "calls": .integer(calls),
      "rate": .number(rate), "unit": .string(isCompute ? "GOP/s" : "GB/s"),
    ]
    if let bound, let fraction {
      object["bound"] = .string(bound.name)
      object["bound_ns"] = .number(bound.nanoseconds)
      object["fraction"] = .number(fraction)
    }
    return .object(object)
  }
}

/// Columns wide enough for what usually stands in them, since rows are printed as they come.
enum BenchTable {
  private static let widths = [42, 7, 12, 10, 10, 7, 9, 0]
  /// The first column is text, the figures stand right.
  private static let left: Set = [0, 6, 7]

  static let header = line([
    "shape", "threads", "rate", "least", "median", "of", "bound", "kernel",
  ])

  /// Cells as a line.
  static func line(_ cells: [String]) -> String {
    var text = ""
    for (column, cell) in cells.enumerated() {
      let padding = String(repeating: " ", count: max(0, widths[column] - cell.count))
      text += left.contains(column) ? cell + padding : padding + cell
      if column + 1 < cells.count { text += "  " }
    }
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
