import ArgumentParser
import COctetBench
import Foundation
import Octet
import OctetFormats

/// `octet bench`: how fast kernels are here, and what bounds them.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure the kernels against this machine's limits.",
    discussion: """
      A row's percentage compares its least time with its bound: its operations at the peak of the instruction set tier in use, or its \
      bytes at the speed at which memory of that size is read or copied, whichever takes longer. Both are measured in the same run, \
      turn by turn with the row. Operations count two for a multiply-add, and none for taps on padding.

      Shapes given replace the built-in list. Other work on the machine shows in the figures.
      """)

  @Option(
    help: ArgumentHelp("Measure a matrix product, uint8 [M, K] by int8 [N, K].", valueName: "MxNxK")
  )
  var gemm: [String] = []

  @Option(
    help: ArgumentHelp(
      "Measure a convolution, channels last: s= stride, p= padding, g= groups, d= dilation.",
      valueName: "NxHxWxC,OxKxK,s=1,p=1"))
  var conv: [String] = []

  @Option(
    help: ArgumentHelp(
      "Only rows whose group or shape contains one of these words.", valueName: "word,word"))
  var filter: String?

  @Option(help: ArgumentHelp("Thread counts (default: 1 and all).", valueName: "1,2"))
  var threads: String?

  @Option(help: "Seconds to spend on a row.")
  var timeBudget = 0.25

  @Flag(help: "Measure what calls of operators cost from Swift instead.")
  var eager = false

  @Flag(help: "Measure whole layers, called from Swift, instead.")
  var layers = false

  @Flag(help: "Measure steps of training instead.")
  var training = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard timeBudget.isFinite, (0.001...3600).contains(timeBudget) else {
      throw ValidationError(
        "--time-budget: expected 0.001...3600 seconds, received \(timeBudget)")
    }
  }

  func run() throws {
    let machine = BenchMachine(tier: try Kernels.maxISA())
    if eager { return try time(CallBench.operators(), "eager", machine) }
    if layers { return try time(CallBench.layers(), "layers", machine) }
    if training { return try time(CallBench.trainingSteps(), "training", machine) }
    let rows = try chosenRows()
    let counts = try threadCounts()
    let runner = BenchRunner(budget: timeBudget)
    var results: [BenchResult] = []
    var failures: [OctetError] = []
    if !json { print("# octet \(Kernels.version), \(machine.line)\n\(BenchTable.header)") }
    var bar = ProgressBar("bench", total: rows.count * counts.count, quiet: !json)
    var group = ""
    for row in rows {
      if !json, row.group != group { print("# \(row.group)") }
      group = row.group
      for count in counts {
        do throws(OctetError) {
          let result = try runner.run(row, threads: count)
          results.append(result)
          if !json { print(BenchTable.line(result.cells)) }
        } catch {
          failures.append(error)
        }
        fflush(nil)
        bar.advance()
      }
    }
    bar.finish()
    if json { print(try document(machine, results).serialized(indent: 1)) }
    for failure in failures { StandardError.print("error: \(failure)") }
    if !failures.isEmpty { throw ToolExit.badInput }
  }

  private func time(_ bench: CallBench, _ form: String, _ machine: BenchMachine) throws {
    if !json { print("# octet \(Kernels.version), \(machine.line)\n\(CallBench.header)") }
    var results: [CallBench.Result] = []
    for row in bench.rows where filter == nil || row.name.contains(filter ?? "") {
      let result = try CallBench.measure(row, seconds: timeBudget)
      results.append(result)
      if !json { print(result.line) }
    }
    guard json else { return }
    let document: JSONValue = [
      "schema": .string("octet.bench.\(form)/1"), "version": .string(Kernels.version),
      "machine": machine.json, "rows": .array(results.map(\.json)),
    ]
    print(try document.serialized(indent: 1))
  }

  private func chosenRows() throws -> [BenchCase] {
    var rows: [BenchCase] = []
    for text in gemm {
      let size = try BenchSizes.gemm(text)
      rows.append(.gemm("given", size.m, size.n, size.k))
    }
    for text in conv { rows.append(.conv("given", try BenchWindow(parsing: text))) }
    for row in rows { _ = try row.work() }
    if rows.isEmpty { rows = BenchCases.all }
    guard let filter else { return rows }
    let words = filter.split(separator: ",")
    let chosen = rows.filter { row in
      words.contains { "\(row.group) \(row.name)".contains($0) }
    }
    if chosen.isEmpty {
      throw OctetError(
        .invalidArgument, operation: "bench", argument: "--filter",
        expected: "a word of some row's group or shape", received: quotedOption(filter),
        fix: "run octet bench without it to see the rows")
    }
    return chosen
  }

  private func threadCounts() throws -> [Int] {
    if let threads { return try BenchSizes.threads(threads) }
    return Kernels.maxThreads > 1 ? [1, Kernels.maxThreads] : [1]
  }

  /// `schema` counts the versions of this form.
  private func document(_ machine: BenchMachine, _ results: [BenchResult]) -> JSONValue {
    [
      "schema": "octet.bench/1", "version": .string(Kernels.version), "machine": machine.json,
      "date": .string(Date().ISO8601Format()), "seconds_per_row": .number(timeBudget),
      "rows": .array(results.map(\.json)),
    ]
  }
}
