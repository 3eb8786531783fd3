/// Bytes as text, by RFC 4648 with padding.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The value of each character, 255 for those outside the alphabet.
  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  /// Four characters for every three bytes.
  static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var word: UInt32 = 0
      for i in 0..<3 { word = word << 8 | UInt32(i < count ? bytes[start + i] : 0) }
      for i in 0..<4 {
        let value = Int(word >> UInt32(18 - 6 * i)) & 63
        text.append(i <= count ? alphabet[value] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes; nil for anything that `encode` doesn't write.
  static func decode(_ text: String) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count % 4 == 0 else { return nil }
    let padding = characters.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3)
    for start in stride(from: 0, to: characters.count, by: 4) {
      let missing = start + 4 == characters.count ? padding : 0
      var word: UInt32 = 0
      for i in 0..<4 {
        let value = i < 4 - missing ? values[Int(characters[start + i])] : 0
        if value == 255 { return nil }
        word = word << 6 | UInt32(value)
      }
      // Bits that no byte takes are 0.
      if missing > 0, word & (missing == 1 ? 0xFF : 0xFFFF) != 0 { return nil }
      for i in 0..<(3 - missing) { bytes.append(UInt8(word >> UInt32(16 - 8 * i) & 0xFF)) }
    }
    return bytes
  }
}
