import COctetBench
import Octet

/// The sizes of a convolution or pooling, channels last.
struct BenchWindow {
  var batch = 1
  var input: [Int]
  var inChannels: Int
  var outChannels: Int
  var kernel: [Int]
  var stride = 1
  var padding = 0
  var groups = 1
  var dilation = 1

  /// A square two-dimensional window.
  init(
    _ size: Int, _ inChannels: Int, _ outChannels: Int, k: Int, s: Int = 1, p: Int = 0, g: Int = 1
  ) {
    input = [size, size]
    kernel = [k, k]
    self.inChannels = inChannels
    self.outChannels = outChannels
    (stride, padding, groups) = (s, p, g)
  }

  /// Reads `NxHxWxC,OxKxK` and, after further commas, any of `s=`, `p=`, `g=` and `d=`; N x W x C and N x D x H x W x C likewise.
  ///
  /// - Throws: `invalidArgument` that says what is wrong and how one looks.
  init(parsing text: String) throws(OctetError) {
    var parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)[...]
    guard parts.count >= 2, let data = Self.sizes(parts.removeFirst()),
      let weights = Self.sizes(parts.removeFirst()), (3...5).contains(data.count),
      weights.count == data.count - 1
    else { throw Self.malformed(text) }
    batch = data[0]
    input = Array(data[1..<data.count - 1])
    inChannels = data[data.count - 1]
    outChannels = weights[0]
    kernel = Array(weights[1...])
    for part in parts {
      let pair = part.split(separator: "=", maxSplits: 1)
      guard pair.count == 2, let value = BenchSizes.size(pair[1], atLeast: pair[0] == "p" ? 0 : 1)
      else { throw Self.malformed(text) }
      switch pair[0] {
      case "s": stride = value
      case "p": padding = value
      case "g": groups = value
      case "d": dilation = value
      default: throw Self.malformed(text)
      }
    }
  }

  private static func sizes(_ text: String) -> [Int]? { BenchSizes.product(text) }

  private static func malformed(_ text: String) -> OctetError {
    OctetError(
      .invalidArgument, operation: "bench", argument: "--conv",
      expected: "NxHxWxC,OxKxK with s=, p=, g= and d= as wanted", received: quotedOption(text),
      fix: "for example 1x56x56x64,64x3x3,s=1,p=1")
  }

  /// The shape for the C side.
  func shape(_ kind: oct_bench_kind) -> oct_bench_shape {
    var shape = oct_bench_shape()
    shape.kind = kind
    shape.rank = UInt32(input.count)
    shape.batch = batch
    shape.in_channels = inChannels
    shape.out_channels = outChannels
    shape.groups = groups
    func triple(_ values: [Int]) -> (Int, Int, Int) {
      (values[0], values.count > 1 ? values[1] : 1, values.count > 2 ? values[2] : 1)
    }
    func all(_ value: Int) -> (Int, Int, Int) { (value, value, value) }
    shape.in = triple(input)
    shape.kernel = triple(kernel)
    shape.stride = all(stride)
    shape.padding = all(padding)
    shape.dilation = all(dilation)
    return shape
  }

  /// The window of a pooling.
  var poolDescription: String {
    "\(Self.joined([batch] + input + [inChannels])),\(Self.joined(kernel))" + options
  }

  private var options: String {
    var text = stride == 1 ? "" : ",s=\(stride)"
    if padding != 0 { text += ",p=\(padding)" }
    if groups != 1 { text += ",g=\(groups)" }
    if dilation != 1 { text += ",d=\(dilation)" }
    return text
  }

  private static func joined(_ sizes: [Int]) -> String {
    sizes.map(String.init).joined(separator: "x")
  }
}

extension BenchWindow: CustomStringConvertible {
  /// As `init(parsing:)` reads it.
  var description: String {
    "\(Self.joined([batch] + input + [inChannels])),\(Self.joined([outChannels] + kernel))"
      + options
  }
}

/// Sizes as the command line spells them.
enum BenchSizes {
  /// The largest size of one dimension: what is beyond it can't be measured anyhow.
  private static let largest = 1 << 31

  /// A whole number within what can be measured.
  static func size(_ text: some StringProtocol, atLeast least: Int = 1) -> Int? {
    guard let value = Int(text), (least...largest).contains(value) else { return nil }
    return value
  }

  /// `AxBxC`.
  static func product(_ text: some StringProtocol) -> [Int]? {
    let sizes = text.split(separator: "x", omittingEmptySubsequences: false).map { size($0) }
    let valid = sizes.compactMap { $0 }
    return valid.count == sizes.count ? valid : nil
  }

  /// The three sizes of `--gemm`.
  ///
  /// - Throws: `invalidArgument`.
  static func gemm(_ text: String) throws(OctetError) -> (m: Int, n: Int, k: Int) {
    guard let sizes = product(text), sizes.count == 3 else {
      throw OctetError(
        .invalidArgument, operation: "bench", argument: "--gemm", expected: "MxNxK",
        received: quotedOption(text), fix: "for example 128x768x768")
    }
    return (sizes[0], sizes[1], sizes[2])
  }

  /// The thread counts of `--threads`.
  ///
  /// - Throws: `invalidArgument`.
  static func threads(_ text: String) throws(OctetError) -> [Int] {
    let counts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let valid = counts.compactMap { $0 }.filter { (1...1024).contains($0) }
    guard valid.count == counts.count else {
      throw OctetError(
        .invalidArgument, operation: "bench", argument: "--threads",
        expected: "counts in 1...1024, separated by commas", received: quotedOption(text),
        fix: "for example 1,2")
    }
    return valid
  }
}

/// An option's text in an error, cut where it grows long.
func quotedOption(_ text: String) -> String {
  let limit = 60
  return text.count <= limit ? "'\(text)'" : "'\(text.prefix(limit))…'"
}
