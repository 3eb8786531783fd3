import ArgumentParser
import Foundation
import Octet

/// Quantizes a trained network, runs it in int8, and shows what that cost and gained.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Quantize a trained Fashion-MNIST network and compare int8 with float32.",
    discussion: """
      Loads the weights and 1,000 test images that come with the tool, evaluates in float32, fuses, calibrates on some images, \
      converts to int8, evaluates on the others, and prints accuracy, agreement, file size and speed. Exits with 3 when int8 \
      falls short of what is promised.
      """)

  @Option(help: "Images to calibrate on; the others are for evaluation.")
  var calibration = 200

  @Option(help: "A safetensors file to use instead of the bundled one.")
  var model: String?

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "No progress bar.")
  var quiet = false

  func validate() throws {
    guard (1...999).contains(calibration) else {
      throw ValidationError("--calibration: expected 1...999 images, received \(calibration)")
    }
  }

  func run() throws {
    let data = try FashionData(path: model ?? FashionData.bundledPath())
    let total = data.labels.count
    let held = min(calibration, total - 1)
    var bar = ProgressBar("demo", total: 6, quiet: quiet || json)

    let float = try data.model()
    var floatFigures = try evaluate(float, data, held..<total)
    floatFigures.fileBytes = try fileBytes(float)
    bar.advance()

    let integer = try data.model()
    try fuseModules(integer, FashionCNN.fusions)
    integer.qconfig = try .getDefaultQConfig(backend: .x86)
    try prepare(integer)
    for start in stride(from: 0, to: held, by: 50) {
      _ = try integer.evaluate(data.images.slice(dim: 0, start..<min(start + 50, held)))
    }
    bar.advance()
    try convert(integer)
    bar.advance()
    var integerFigures = try evaluate(integer, data, held..<total)
    integerFigures.fileBytes = try fileBytes(integer)
    bar.advance()

    try measure(float, &floatFigures, integer, &integerFigures, data) { bar.advance() }
    bar.finish()
    let report = DemoReport(
      calibrated: held, evaluated: total - held, float: floatFigures, integer: integerFigures)
    let isa = try Kernels.maxISA()
    if json {
      print(try report.json(isa: isa, threads: Kernels.maxThreads).serialized(indent: 2))
    } else {
      print(report.text(isa: isa, threads: Kernels.maxThreads))
    }
    if !report.shortfalls.isEmpty {
      for line in report.shortfalls { StandardError.print("error: demo: \(line)") }
      throw ToolExit.failed
    }
  }

  private func evaluate(_ model: FashionCNN, _ data: FashionData, _ range: Range<Int>) throws
    -> DemoFigures
  {
    var figures = DemoFigures()
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 100) {
      let end = min(start + 100, range.upperBound)
      let logits = try model.evaluate(data.images.slice(dim: 0, start..<end))
      figures.predictions += try logits.argmax(dim: 1).elements(as: Int64.self).map(Int.init)
    }
    let right = zip(figures.predictions, data.labels[range]).filter { $0 == $1 }.count
    figures.accuracy = Double(right) / Double(range.count)
    return figures
  }

  /// The size of the model's weights as a file.
  private func fileBytes(_ model: FashionCNN) throws -> Int {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("octet-demo-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("model.safetensors").path
    try saveTensors(model.stateDictionary().entries, path: path)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.size] as? NSNumber)?.intValue ?? 0
  }

  /// Times both models in turns, so that a machine whose speed drifts treats them alike. A turn is a block of runs whose first
  /// ones don't count: the other model's threads have gone to sleep by then.
  private func measure(
    _ float: FashionCNN, _ floatFigures: inout DemoFigures,
    _ integer: FashionCNN, _ integerFigures: inout DemoFigures, _ data: FashionData,
    step: () -> Void
  ) throws {
    for (batch, runs) in [(1, 40), (64, 8)] {
      let images = try data.images.slice(dim: 0, 0..<min(batch, data.labels.count)).contiguous()
      var times: [[Double]] = [[], []]
      for _ in 0..<6 {
        for (which, model) in [float, integer].enumerated() {
          for run in 0..<(runs + runs / 4) {
            let start = ContinuousClock.now
            _ = try model.evaluate(images)
            if run >= runs / 4 { times[which].append(seconds(ContinuousClock.now - start)) }
          }
        }
      }
      let medians = times.map { $0.sorted()[$0.count / 2] }
      if batch == 1 {
        floatFigures.latency = medians[0] * 1000
        integerFigures.latency = medians[1] * 1000
      } else {
        floatFigures.throughput = Double(images.shape[0]) / medians[0]
        integerFigures.throughput = Double(images.shape[0]) / medians[1]
      }
      step()
    }
  }
}
