import ArgumentParser
import Octet
import OctetFormats

/// `octet inspect`: lists what a file holds.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "List a safetensors file's tensors: name, dtype, shape and quantization parameters.",
    discussion: """
      A tensor is quantized when the file has NAME:scale and NAME:zero_point for it (and NAME:axis per channel).
      """)

  @Argument(help: "A .safetensors file.")
  var path: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let file = try SafetensorsFile(path: path)
    let listing = FileListing(file)
    print(json ? try listing.json.serialized(indent: 2) : listing.text)
  }
}

/// The tensors of a file, quantized ones with their parameters in place of the companions that hold them.
struct FileListing {
  private struct Row {
    let name: String
    let dtype: String
    let shape: [Int]
    let quantizer: Quantizer?
    /// Why the parameters can't be used.
    let problem: String?
  }

  private let rows: [Row]
  private let metadata: [String: String]

  init(_ file: SafetensorsFile) {
    metadata = file.metadata
    rows = file.entries.filter { !file.isCompanion($0.name) }.map { entry in
      guard file.isQuantized(entry.name) else {
        return Row(
          name: entry.name, dtype: entry.dtype.dtype?.rawValue ?? entry.dtype.rawValue,
          shape: entry.shape, quantizer: nil, problem: nil)
      }
      do throws(OctetError) {
        let tensor = try file.tensor(entry.name)
        return Row(
          name: entry.name, dtype: tensor.dtype.rawValue, shape: tensor.shape,
          quantizer: tensor.quantizer, problem: nil)
      } catch {
        return Row(
          name: entry.name, dtype: entry.dtype.rawValue, shape: entry.shape, quantizer: nil,
          problem: "\(error)")
      }
    }
  }

  /// Aligned columns and a closing line.
  var text: String {
    var lines = metadata.sorted { $0.key < $1.key }.map {
      "# \(Self.plain($0.key)): \(Self.plain($0.value))"
    }
    let cells = rows.map { [Self.plain($0.name), $0.dtype, "\($0.shape)", Self.parameters($0)] }
    let widths = (0..<3).map { column in cells.map { $0[column].count }.max() ?? 0 }
    for row in cells {
      var line = ""
      for column in 0..<3 {
        line += row[column] + String(repeating: " ", count: widths[column] - row[column].count + 2)
      }
      line += row[3]
      while line.hasSuffix(" ") { line.removeLast() }
      lines.append(line)
    }
    lines.append("\(rows.count) tensor\(rows.count == 1 ? "" : "s")")
    return lines.joined(separator: "\n")
  }

  /// The same as a document; `schema` counts the versions of its form.
  var json: JSONValue {
    var described = JSONObject()
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { described[key] = .string(value) }
    return [
      "schema": "octet.inspect/1", "metadata": .object(described),
      "tensors": .array(
        rows.map { row in
          var object: JSONObject = [
            "name": .string(row.name), "dtype": .string(row.dtype),
            "shape": .array(row.shape.map { .integer(Int64($0)) }),
          ]
          if let quantizer = row.quantizer { object["quantizer"] = Self.json(quantizer) }
          if let problem = row.problem { object["problem"] = .string(problem) }
          return .object(object)
        }),
    ]
  }

  private static func json(_ quantizer: Quantizer) -> JSONValue {
    switch quantizer.parameters {
    case .perTensor(let scale, let zero):
      return [
        "qscheme": .string(quantizer.scheme.rawValue), "scale": .number(scale),
        "zero_point": .integer(Int64(zero)),
      ]
    case .perChannel(let scales, let zeros, let axis):
      return [
        "qscheme": .string(quantizer.scheme.rawValue), "axis": .integer(Int64(axis)),
        "scales": .array(scales.map { .number($0) }),
        "zero_points": .array(zeros.map { .integer(Int64($0)) }),
      ]
    case .perChannelFloat(let scales, let zeros, let axis):
      return [
        "qscheme": .string(quantizer.scheme.rawValue), "axis": .integer(Int64(axis)),
        "scales": .array(scales.map { .number(Double($0)) }),
        "zero_points": .array(zeros.map { .number(Double($0)) }),
      ]
    }
  }

  private static func parameters(_ row: Row) -> String {
    if let problem = row.problem { return plain(problem) }
    switch row.quantizer?.parameters {
    case nil: return ""
    case .perTensor(let scale, let zero): return "scale \(scale), zero point \(zero)"
    case .perChannel(let scales, let zeros, let axis):
      return "axis \(axis): scales \(range(scales)), zero points \(range(zeros))"
    case .perChannelFloat(let scales, let zeros, let axis):
      return "axis \(axis): scales \(range(scales)), real zero points \(range(zeros))"
    }
  }

  private static func range<Value: Comparable>(_ values: [Value]) -> String {
    guard let low = values.min(), let high = values.max() else { return "none" }
    return low == high ? "all \(low)" : "\(low)...\(high)"
  }

  /// Words from the file as a terminal may see them: quoted and escaped when anything in them isn't printable.
  private static func plain(_ words: String) -> String {
    if words.unicodeScalars.allSatisfy({ (0x20..<0x7F).contains($0.value) }) { return words }
    return (try? JSONValue.string(words).serialized(ascii: true)) ?? "?"
  }
}
