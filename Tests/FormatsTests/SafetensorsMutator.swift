import OctetFormats

/// Kinds of malformed files, after kinds of input that broke other readers.
enum Mutation: String, CaseIterable, Sendable {
  /// Declared lengths and offsets beyond the file.
  case outOfBounds
  /// Products of dimensions that wrap.
  case overflow
  /// More dimensions than anyone has.
  case rank
  /// Values of another JSON type.
  case wrongType
  /// Lengths near the end of their range.
  case extremeLength
  /// Small files that announce much.
  case amplification
  /// Negative and fractional sizes and offsets.
  case negative
  /// Keys that the format doesn't have, or has twice.
  case keys
  /// Deep nesting.
  case depth
  /// Cut, doubled and extended files.
  case truncation
  /// Overlaps, holes and exchanged ranges.
  case layout
  /// Bytes of the header changed at random.
  case noise

  /// True when no file of this kind can be valid.
  var isAlwaysInvalid: Bool {
    switch self {
    case .noise, .truncation, .layout, .outOfBounds: false
    default: true
    }
  }
}

/// Builds files part by part, so that all parts but the spoilt one are right.
struct SafetensorsMutator {
  private struct Tensor {
    var name: String
    var dtype: String
    var shape: String
    var offsets: String
    var extra = ""

    var text: String {
      "\(name):{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)\(extra)}"
    }
  }

  private var generator: SeededGenerator
  private var tensors: [Tensor] = []
  private var ranges: [Range<Int>] = []
  private var data: [UInt8] = []
  private var members: [String] = []

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// A file with one spoilt part.
  static func file(_ mutation: Mutation, seed: UInt64) -> [UInt8] {
    var mutator = SafetensorsMutator(seed: seed)
    mutator.buildValid()
    return mutator.spoil(mutation)
  }

  /// A file without a fault.
  static func validFile(seed: UInt64) -> [UInt8] {
    var mutator = SafetensorsMutator(seed: seed)
    mutator.buildValid()
    return assemble(header: mutator.header, data: mutator.data)
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &generator)
  }

  private mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[number(0...choices.count - 1)]
  }

  private mutating func buildValid() {
    for index in 0..<number(1...5) {
      let dtype = pick(SafetensorsDType.allCases)
      var shape = (0..<number(0...4)).map { _ in number(0...3) }
      if dtype.bitWidth % 8 != 0 { shape.append(4) }
      let size = shape.reduce(dtype.bitWidth, *) / 8
      ranges.append(data.count..<data.count + size)
      tensors.append(
        Tensor(
          name: pick(["\"t\(index)\"", "\"layer.\(index).weight\"", "\"é\\n\(index)\""]),
          dtype: "\"\(dtype.rawValue)\"", shape: "\(shape)",
          offsets: "[\(data.count),\(data.count + size)]"))
      data += (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
    if Bool.random(using: &generator) {
      members.append("\"__metadata__\":{\"format\":\"pt\",\"n\":\"\(number(0...9))\"}")
    }
  }

  private var header: String {
    "{" + (members + tensors.map(\.text)).joined(separator: ",") + "}"
  }

  private mutating func spoil(_ mutation: Mutation) -> [UInt8] {
    let victim = number(0...tensors.count - 1)
    var length: UInt64?
    switch mutation {
    case .outOfBounds: length = spoilBounds(victim)
    case .overflow:
      tensors[victim].shape = pick([
        "[4294967296,4294967296]", "[9223372036854775807,2]", "[2305843009213693952,8]",
        "[3037000500,3037000500,0]", "[0,9223372036854775807,9223372036854775807]",
        "[\(UInt64.max)]", "[65536,65536,65536,65536]", "[4611686018427387905,4]",
      ])
    case .rank:
      let ones = Array(repeating: "1", count: number(17...5_000)).joined(separator: ",")
      tensors[victim].shape = "[\(ones)]"
    case .wrongType: spoilType(victim)
    case .extremeLength:
      let near = UInt64(number(0...64))
      length = pick([.max - near, UInt64(Int64.max) - near, 1 << 63 + near, 100_000_001 + near])
    case .amplification: length = amplify(victim)
    case .negative:
      let bad = pick(["-1", "-0", "-9223372036854775808", "1.0", "1e0", "0.5", "-9e99"])
      if Bool.random(using: &generator) {
        tensors[victim].shape = pick(["[\(bad)]", "[1,\(bad)]", "[\(bad),\(bad)]"])
      } else {
        tensors[victim].offsets = pick(["[\(bad),\(bad)]", "[0,\(bad)]", "[\(bad),0]"])
      }
    case .keys: spoilKeys(victim)
    case .depth:
      let depth = pick([65, 1_000, 100_000])
      let deep = String(repeating: pick(["[", "{\"a\":"]), count: depth)
      switch number(0...3) {
      case 0: tensors[victim].shape = deep
      case 1: tensors[victim].dtype = deep
      case 2: members.append("\"deep\":\(deep)")
      default: members.append("\"__metadata__\":{\"a\":\(deep)")
      }
    case .truncation: return spoilEnd()
    case .layout: spoilLayout(victim)
    case .noise: return addNoise()
    }
    return assemble(header: header, data: data, length: length)
  }

  private mutating func spoilBounds(_ victim: Int) -> UInt64? {
    let range = ranges[victim]
    let beyond = pick([1, 8, 4096, 1 << 31, 1 << 62])
    switch number(0...3) {
    case 0: tensors[victim].offsets = "[\(range.lowerBound),\(range.upperBound + beyond)]"
    case 1:
      tensors[victim].offsets = "[\(range.lowerBound + beyond),\(range.upperBound + beyond)]"
    case 2:
      return UInt64(header.utf8.count + data.count + number(1...1 << 20))
    default: data.removeLast(min(data.count, number(1...8)))
    }
    return nil
  }

  private mutating func spoilType(_ victim: Int) {
    let other = pick(["null", "true", "{}", "7.5", "[\"a\"]", "[null]", "[[1]]", "{\"a\":1}"])
    switch number(0...3) {
    case 0: tensors[victim].dtype = other
    case 1: tensors[victim].shape = pick([other, "\"[1]\"", "3"])
    case 2: tensors[victim].offsets = pick([other, "\"0,1\"", "[0]", "[]", "[0,0,0]"])
    default:
      members = ["\"__metadata__\":\(pick(["[]", "\"\"", "{\"a\":1}", "{\"a\":{}}", "null"]))"]
    }
  }

  private mutating func amplify(_ victim: Int) -> UInt64? {
    switch number(0...2) {
    case 0:
      tensors[victim].shape = "[\(number(1 << 20...1 << 40))]"
      tensors[victim].dtype = "\"F64\""
    case 1:
      members += (0..<5_000).map {
        "\"many\($0)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"
      }
    default: return 99_999_999
    }
    return nil
  }

  private mutating func spoilKeys(_ victim: Int) {
    switch number(0...5) {
    case 0: tensors[victim].extra = ",\"\(pick(["stride", "Dtype", "", "__class__"]))\":\"x\""
    case 1: tensors[victim].extra = ",\"dtype\":\"U8\""
    case 2: tensors[victim].extra = ",\"data_offsets\":[0,0]"
    case 3: tensors.append(tensors[victim])
    case 4: members += ["\"__metadata__\":{}", "\"__metadata__\":{}"]
    default: members = ["\"__metadata__\":{\"a\":\"1\",\"\\u0061\":\"2\"}"]
    }
  }

  private mutating func spoilEnd() -> [UInt8] {
    let bytes = assemble(header: header, data: data)
    switch number(0...3) {
    case 0: return Array(bytes.prefix(number(0...bytes.count - 1)))
    case 1: return bytes + bytes
    case 2: return bytes + Array(repeating: UInt8(number(0...255)), count: number(1...9))
    default: return Array(bytes.dropFirst(number(1...9)))
    }
  }

  private mutating func spoilLayout(_ victim: Int) {
    let other = number(0...tensors.count - 1)
    switch number(0...3) {
    case 0: tensors[victim].offsets = tensors[other].offsets
    case 1:
      (tensors[victim].offsets, tensors[other].offsets) = (
        tensors[other].offsets, tensors[victim].offsets
      )
    case 2: data.insert(0, at: ranges[victim].lowerBound)
    default: tensors.remove(at: victim)
    }
  }

  private mutating func addNoise() -> [UInt8] {
    var text = Array(header.utf8)
    for _ in 0..<number(1...4) where !text.isEmpty {
      let place = number(0...text.count - 1)
      switch number(0...4) {
      case 0: text[place] ^= 1 << UInt8(number(0...7))
      case 1: text.remove(at: place)
      case 2: text.insert(UInt8(number(0...255)), at: place)
      case 3: text[place] = UInt8(ascii: "9")
      default: text.swapAt(place, number(0...text.count - 1))
      }
    }
    return assemble(header: text, data: data)
  }
}
