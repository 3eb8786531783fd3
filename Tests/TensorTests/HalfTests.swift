import OctetTensor
import Testing

@Suite("float16 and bfloat16 conversions are exact")
struct HalfTests {
  #if !(os(macOS) && arch(x86_64))
    @Test func everyHalfWidensAndComesBack() {
      for code in UInt16.min...UInt16.max {
        let half = Half(bitPattern: code)
        let native = Float(Float16(bitPattern: code))
        if native.isNaN {
          #expect(half.float.isNaN)
          #expect(Half(half.float).float.isNaN)
        } else {
          #expect(half.float.bitPattern == native.bitPattern)
          #expect(Half(native).bitPattern == code)
        }
      }
    }

    @Test func narrowingRoundsToNearestEven() {
      var bits: UInt32 = 0
      // A stride that is prime to 2^32 visits every exponent with all kinds of fractions.
      for _ in 0..<2_000_000 {
        bits &+= 2_654_435_761
        let value = Float(bitPattern: bits)
        if value.isNaN { continue }
        #expect(Half(value).bitPattern == Float16(value).bitPattern, "\(value)")
      }
    }
  #endif

  @Test func halvesBetweenNeighboursGoToEven() {
    for code in UInt16(0)..<0x7BFF {
      let low = Half(bitPattern: code).float
      let high = Half(bitPattern: code + 1).float
      let middle = low + (high - low) / 2
      #expect(Half(middle).bitPattern == (code % 2 == 0 ? code : code + 1))
      #expect(Half(middle.nextDown).bitPattern == code)
      #expect(Half(middle.nextUp).bitPattern == code + 1)
    }
  }

  @Test func everyBFloat16WidensAndComesBack() {
    for code in UInt16.min...UInt16.max {
      let value = BFloat16(bitPattern: code).float
      #expect(value.bitPattern == UInt32(code) << 16)
      if value.isNaN {
        #expect(BFloat16(value).float.isNaN)
      } else {
        #expect(BFloat16(value).bitPattern == code)
      }
    }
  }

  @Test func bfloat16TiesGoToEven() {
    for code in UInt16(0)..<0x7F7F {
      let middle = Float(bitPattern: UInt32(code) << 16 | 0x8000)
      #expect(BFloat16(middle).bitPattern == (code % 2 == 0 ? code : code + 1))
      #expect(BFloat16(middle.nextDown).bitPattern == code)
      #expect(BFloat16(middle.nextUp).bitPattern == code + 1)
    }
  }

  @Test func conversionToIntegersSaturates() throws {
    let x = try Tensor([Float.nan, .infinity, -.infinity, 300, -300, 1.9, -1.9], shape: [7])
    #expect(
      try x.converted(to: .uint8).elements(as: UInt8.self) == [0, 255, 0, 255, 0, 1, 0])
    #expect(
      try x.converted(to: .int8).elements(as: Int8.self) == [0, 127, -128, 127, -128, 1, -1])
    #expect(
      try x.converted(to: .int64).elements(as: Int64.self)
        == [0, .max, .min, 300, -300, 1, -1])
  }
}
