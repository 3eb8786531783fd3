import Octet

/// One model's figures.
struct DemoFigures {
  var predictions: [Int] = []
  var accuracy = 0.0
  var fileBytes = 0
  /// Median milliseconds for one image.
  var latency = 0.0
  /// Images per second at 64 at a time.
  var throughput = 0.0
}

/// What the demo found, for people and for machines.
struct DemoReport {
  let calibrated: Int
  let evaluated: Int
  let float: DemoFigures
  let integer: DemoFigures

  /// Share of images on which both models say the same.
  var agreement: Double {
    let same = zip(float.predictions, integer.predictions).filter { $0 == $1 }.count
    return Double(same) / Double(max(evaluated, 1))
  }

  /// Points of accuracy that int8 lost.
  var loss: Double { (float.accuracy - integer.accuracy) * 100 }

  /// The int8 file's share of the float file.
  var sizeRatio: Double { Double(integer.fileBytes) / Double(max(float.fileBytes, 1)) }

  /// The reasons why this isn't good enough; empty when it is.
  var shortfalls: [String] {
    var list: [String] = []
    if loss > 0.5 { list.append("int8 lost \(fixed(loss, 2)) points of accuracy, allowed are 0.5") }
    if agreement < 0.99 {
      list.append("the models agree on \(percent(agreement)), wanted are 99 %")
    }
    if sizeRatio > 0.27 {
      list.append("the int8 file is \(percent(sizeRatio)) of the float one, allowed are 27 %")
    }
    return list
  }

  /// A table for a terminal.
  func text(isa: String, threads: Int) -> String {
    let rows: [(String, String, String, String)] = [
      ("", "float32", "int8", ""),
      (
        "top-1 accuracy", percent(float.accuracy), percent(integer.accuracy),
        "\(fixed(-loss, 2)) points"
      ),
      ("top-1 agreement", "", percent(agreement), ""),
      (
        "model file", "\(float.fileBytes / 1024) KiB", "\(integer.fileBytes / 1024) KiB",
        percent(sizeRatio)
      ),
      (
        "latency, batch 1", "\(fixed(float.latency, 3)) ms", "\(fixed(integer.latency, 3)) ms",
        "\(fixed(float.latency / integer.latency, 2))x"
      ),
      (
        "throughput, batch 64", "\(fixed(float.throughput, 0))/s",
        "\(fixed(integer.throughput, 0))/s",
        "\(fixed(integer.throughput / float.throughput, 2))x"
      ),
    ]
    let table = rows.map { row in
      pad(row.0, 22, left: true) + pad(row.1, 12) + pad(row.2, 12) + pad(row.3, 16)
    }
    return """
      Fashion-MNIST CNN on \(isa), \(threads) thread\(threads == 1 ? "" : "s")
      calibrated on \(calibrated) images, evaluated on \(evaluated) others

      \(table.joined(separator: "\n"))
      """
  }

  /// The same for machines.
  func json(isa: String, threads: Int) -> JSONValue {
    func figures(_ f: DemoFigures) -> JSONValue {
      .object([
        "accuracy": .number(f.accuracy), "file_bytes": .integer(Int64(f.fileBytes)),
        "latency_ms": .number(f.latency), "images_per_second": .number(f.throughput),
      ])
    }
    return .object([
      "schema": .string("octet.demo/1"), "isa": .string(isa), "threads": .integer(Int64(threads)),
      "calibrated": .integer(Int64(calibrated)), "evaluated": .integer(Int64(evaluated)),
      "float32": figures(float), "int8": figures(integer), "agreement": .number(agreement),
      "accuracy_loss_points": .number(loss), "size_ratio": .number(sizeRatio),
      "speedup_batch_1": .number(float.latency / integer.latency),
      "speedup_batch_64": .number(integer.throughput / float.throughput),
      "shortfalls": .array(shortfalls.map { .string($0) }),
    ])
  }
}

func percent(_ share: Double) -> String { "\(fixed(share * 100, 2)) %" }

private func pad(_ text: String, _ width: Int, left: Bool = false) -> String {
  let space = String(repeating: " ", count: max(width - text.count, 0))
  return left ? text + space : space + text
}
