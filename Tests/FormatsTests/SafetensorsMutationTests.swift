import OctetFormats
import OctetTensor
import Testing

@Suite("safetensors, mutated") struct SafetensorsMutationTests {
  static let filesPerKind: UInt64 = 250

  @Test("files without a fault are accepted") func valid() throws {
    for seed in 0..<Self.filesPerKind {
      let bytes = SafetensorsMutator.validFile(seed: seed)
      let file = try SafetensorsFile(bytes: bytes)
      #expect(try checkAccepted(file, bytes) == nil)
    }
  }

  @Test(
    "files with one spoilt part are refused, or are valid after all", arguments: Mutation.allCases)
  func mutated(_ mutation: Mutation) throws {
    let clock = ContinuousClock()
    var refused = 0
    for seed in 0..<Self.filesPerKind {
      let bytes = SafetensorsMutator.file(mutation, seed: seed)
      let start = clock.now
      do {
        let file = try SafetensorsFile(bytes: bytes)
        #expect(!mutation.isAlwaysInvalid, "\(mutation) \(seed)")
        #expect(try checkAccepted(file, bytes) == nil, "\(mutation) \(seed)")
      } catch let error as OctetError {
        refused += 1
        #expect(error.code == .malformedFile, "\(error)")
        #expect(error.received.contains("at byte "), "\(error)")
      }
      #expect(clock.now - start < timeLimit, "\(mutation) \(seed)")
    }
    #expect(refused > Self.filesPerKind / 2)
  }
}
