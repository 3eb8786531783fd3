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
    var refused = 0
    for seed in 0..<Self.filesPerKind {
      let bytes = SafetensorsMutator.file(mutation, seed: seed)
      var outcome: Result<SafetensorsFile, any Error>?
      let time = processorTime { outcome = Result { try SafetensorsFile(bytes: bytes) } }
      #expect(time < timeLimit, "\(mutation) \(seed)")
      switch try #require(outcome) {
      case .success(let file):
        #expect(!mutation.isAlwaysInvalid, "\(mutation) \(seed)")
        #expect(try checkAccepted(file, bytes) == nil, "\(mutation) \(seed)")
      case .failure(let failure):
        refused += 1
        let error = try #require(failure as? OctetError)
        #expect(error.code == .malformedFile, "\(error)")
        #expect(error.received.contains("at byte "), "\(error)")
      }
    }
    #expect(refused > Self.filesPerKind / 2)
  }
}
