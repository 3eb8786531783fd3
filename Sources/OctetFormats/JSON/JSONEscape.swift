/// What JSON's escapes stand for, both ways.
enum JSONEscape {
  /// The byte that `\` and this one stand for, nil for `\u` and for what isn't an escape.
  static func character(after kind: UInt8) -> UInt8? {
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): kind
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: nil
    }
  }

  /// The value of four hexadecimal digits, nil when they are others or not four.
  static func codeUnit(_ digits: UnsafeRawBufferPointer) -> UInt32? {
    guard digits.count == 4 else { return nil }
    var value: UInt32 = 0
    for digit in digits {
      let nibble: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): nibble = digit - UInt8(ascii: "A") + 10
      default: return nil
      }
      value = value << 4 | UInt32(nibble)
    }
    return value
  }

  /// The character of the `\u` escape, or pair of them, at `start`, and the bytes that it takes.
  ///
  /// A malformed escape, which a checked text doesn't hold, gives the replacement character.
  static func scalar(
    _ text: UnsafeRawBufferPointer, at start: Int
  ) -> (scalar: UnicodeScalar, length: Int) {
    func unit(_ offset: Int) -> UInt32? {
      guard text.count - start >= offset + 6 else { return nil }
      return codeUnit(
        UnsafeRawBufferPointer(rebasing: text[start + offset + 2..<start + offset + 6]))
    }
    let replacement: UnicodeScalar = "\u{FFFD}"
    guard let high = unit(0) else { return (replacement, text.count - start) }
    if let scalar = UnicodeScalar(high) { return (scalar, 6) }
    guard 0xD800...0xDBFF ~= high, let low = unit(6), 0xDC00...0xDFFF ~= low else {
      return (replacement, 6)
    }
    let value = 0x1_0000 + (high - 0xD800) << 10 + (low - 0xDC00)
    return (UnicodeScalar(value) ?? replacement, 12)
  }
}

extension UnicodeScalar {
  /// The character as a JSON string holds it: itself, or an escape.
  func escaped(asASCII: Bool) -> String {
    switch self {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case "\u{08}": return "\\b"
    case "\u{0C}": return "\\f"
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default: break
    }
    guard value < 0x20 || asASCII && value > 0x7E else { return String(self) }
    return String(self).utf16.map { unit in
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
}
