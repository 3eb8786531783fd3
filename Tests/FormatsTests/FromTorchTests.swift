import Foundation
import Testing

@Suite("docs/from-torch.md")
struct FromTorchTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The rows of the page: torch's name and the symbols that do it.
  private static func rows() throws -> [(torch: String, symbols: [String])] {
    let page = try String(
      contentsOf: root.appendingPathComponent("docs/from-torch.md"), encoding: .utf8)
    return page.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 2, cells[0].hasPrefix("`"), cells[1].hasPrefix("`") else { return nil }
      func spans(_ cell: String) -> [String] {
        cell.split(separator: "`").map(String.init).filter { $0 != ", " }
      }
      return (spans(cells[0]).joined(), spans(cells[1]))
    }
  }

  @Test("Every symbol of the page is a public declaration")
  func symbols() throws {
    let declared = try PublicDeclarations(under: Self.root.appendingPathComponent("Sources")).names
    #expect(declared.count > 500)
    let rows = try Self.rows()
    #expect(rows.count > 300)
    for row in rows {
      #expect(!row.symbols.isEmpty, "\(row.torch)")
      for symbol in row.symbols { #expect(declared.contains(symbol), "\(row.torch): \(symbol)") }
    }
  }

  @Test("Every name of the tensor and operator surface has a row")
  func complete() throws {
    let torch = try Set(Self.rows().map(\.torch))
    let functions = "quantize_per_tensor quantize_per_channel dequantize"
    let methods = """
      view as_strided expand flatten select ne eq ge le gt lt copy_ clone dequantize equal int_repr max mean min q_scale q_zero_point \
      q_per_channel_scales q_per_channel_zero_points q_per_channel_axis resize_ sort topk
      """
    let functional = """
      avg_pool2d avg_pool3d adaptive_avg_pool2d adaptive_avg_pool3d conv1d conv2d conv3d interpolate linear max_pool1d max_pool2d celu \
      leaky_relu hardtanh hardswish threshold elu hardsigmoid clamp upsample upsample_bilinear upsample_nearest
      """
    let types = """
      quint8 qint8 qint32 quint4x2 quint2x4 float32 float16 bfloat16 per_tensor_affine per_tensor_symmetric per_channel_affine \
      per_channel_symmetric per_channel_affine_float_qparams
      """
    for (names, prefix) in [
      (functions, "torch."), (methods, "Tensor."), (functional, "nnq.functional."),
      (types, "torch."),
    ] {
      for name in names.split(separator: " ") {
        #expect(torch.contains(prefix + name), "\(prefix)\(name)")
      }
    }
  }
}

/// The names that Swift sources declare for users, nested ones with dots.
private struct PublicDeclarations {
  private(set) var names: Set<String> = []

  init(under folder: URL) throws {
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    for case let file as URL in files ?? .init() where file.pathExtension == "swift" {
      scan(try String(contentsOf: file, encoding: .utf8))
    }
  }

  private struct Scope {
    let name: String
    let depth: Int
    let kind: Substring
    let isPublic: Bool
  }

  /// Modifiers, the keyword and the name of a declaration. Types are told by what stands in front of their brace.
  private mutating func scan(_ source: String) {
    let declaration =
      /^\s*((?:(?:public|open|package|private|fileprivate|internal|final|static|class(?=\s+(?:func|var))|override|convenience|required|indirect|nonmutating|mutating|prefix)(?:\(set\))?\s+)*)(class|struct|enum|protocol|extension|func|var|let|init|subscript|case)\b\s*([^\s(:<{=]*)/
    var (scopes, depth, isText): ([Scope], Int, Bool) = ([], 0, false)
    for line in source.split(separator: "\n") {
      if line.matches(of: /"""/).count == 1 { isText.toggle() }
      if isText { continue }
      let code = line.replacing(/"(?:\\.|[^"\\])*"/, with: "").replacing(/\/\/.*/, with: "")
      let opened = code.count { $0 == "{" }
      let closed = code.count { $0 == "}" }
      if let match = code.firstMatch(of: declaration) {
        let (modifiers, kind) = (match.1, match.2)
        var name = match.3.filter { $0 != "`" }
        if kind == "extension", name.hasPrefix("Octet"), let dot = name.firstIndex(of: ".") {
          name = String(name[name.index(after: dot)...])
        }
        let isPublic =
          modifiers.contains("public") || modifiers.contains("open") || kind == "extension"
          || (scopes.last?.isPublic == true
            && (scopes.last?.kind == "protocol" || (kind == "case" && scopes.last?.kind == "enum")))
        let path = scopes.map(\.name)
        if ["class", "struct", "enum", "protocol", "extension"].contains(kind) {
          if isPublic { names.insert((path + [name]).joined(separator: ".")) }
          if opened > closed {
            scopes.append(Scope(name: name, depth: depth, kind: kind, isPublic: isPublic))
          }
        } else if isPublic {
          let cases =
            kind == "case" ? code.matches(of: /(?:case|,)\s*`?(\w+)/).map { String($0.1) } : []
          let own = kind == "init" || kind == "subscript" ? String(kind) : name
          for member in cases + [own] { names.insert((path + [member]).joined(separator: ".")) }
        }
      }
      depth += opened - closed
      while let scope = scopes.last, depth <= scope.depth { scopes.removeLast() }
    }
  }
}
