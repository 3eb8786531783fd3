import OctetTensor
import Testing

@Suite("Shape rules with a symbolic batch")
struct SymbolicShapeTests {
  private static let n = SymbolicSize.batch

  /// The last operator that `body` applies to a float tensor of `shape`.
  private func recorded(_ shape: [Int], _ body: (Tensor) throws -> Tensor) throws
    -> any Operator
  {
    let calls = try OperatorRecorder.calls { standIn in
      try body(standIn(Tensor(repeating: Float(1), shape: shape)))
    }
    return try #require(calls.last).operation
  }

  private func result(
    of operation: any Operator, _ shapes: SymbolicShape..., dtype: DType = .float32
  ) throws -> SymbolicShape {
    try operation.symbolicOutputSpec(shapes.map { SymbolicSpec(shape: $0, dtype: dtype) }).shape
  }

  private func expectRefusal(
    _ operation: any Operator, _ shapes: SymbolicShape..., says words: String
  ) {
    do {
      let spec = try operation.symbolicOutputSpec(
        shapes.map { SymbolicSpec(shape: $0, dtype: .float32) })
      Issue.record("\(spec.shape) from \(shapes)")
    } catch {
      let text = error.description
      #expect(text.contains("doesn't carry a symbolic batch"), "\(text)")
      #expect(text.contains(words), "\(text)")
      #expect(!error.expected.isEmpty && !error.received.isEmpty)
      #expect(error.operation == operation.name)
    }
  }

  @Test("Sizes say what they are and give numbers, or an error")
  func sizes() throws {
    let shape: SymbolicShape = [.batch, 3, SymbolicSize(factor: 2, offset: -1)]
    #expect(shape.description == "[N, 3, 2N - 1]" && shape.isSymbolic)
    #expect(try shape.evaluated(batch: 4) == [4, 3, 7])
    #expect(SymbolicSize(factor: -1, offset: 5).description == "-N + 5")
    #expect(SymbolicShape([2, 0]).description == "[2, 0]" && !SymbolicShape([2, 0]).isSymbolic)
    #expect(throws: OctetError.self) { try shape.evaluated(batch: 0) }
    #expect(throws: OctetError.self) { try shape.evaluated(batch: .max) }
  }

  @Test("Every operator with a batch: the concrete rule for N = 1, 2 and 7, or a refusal in words")
  func walk() throws {
    // What takes a place or the sizes from its attributes holds for some batches alone.
    let refused: Set<String> = ["View", "Select"]
    let withoutBatch: Set<String> = ["EmbeddingPrepack", "EmbeddingUnpack", "Expand"]
    var carried: Set<String> = []
    var found: Set<String> = []
    for sample in operatorSamples {
      for pair in WalkPair.all {
        let calls = try? OperatorRecorder.calls { standIn in
          try sample.run { try standIn(pair.scheme.tensor($0, pair.dtype)) }
        }
        // What the dtype doesn't go with is refused in the walk over dtypes.
        for call in calls ?? [] where call.inputs.contains(where: { $0.shape.first == 2 }) {
          let isWidened = pair.dtype.isHalf && Swift.type(of: call.operation).widensHalf
          let inputs = call.inputs.map { spec in
            var sizes = SymbolicShape(spec.shape).sizes
            if sizes.first == 2 { sizes[0] = .batch }
            return SymbolicSpec(
              shape: SymbolicShape(sizes), dtype: spec.dtype, quantizer: spec.quantizer)
          }
          let type = "\(Swift.type(of: call.operation))"
          do {
            let symbolic = try call.operation.symbolicOutputSpec(inputs)
            for batch in [1, 2, 7] {
              var concrete = try call.operation.outputSpec(
                inputs.map { input in
                  var spec = try input.evaluated(batch: batch)
                  if isWidened, spec.dtype == pair.dtype { spec.dtype = .float32 }
                  return spec
                })
              if isWidened, concrete.dtype == .float32 { concrete.dtype = pair.dtype }
              #expect(try symbolic.evaluated(batch: batch) == concrete, "\(type) N = \(batch)")
            }
            carried.insert(type)
          } catch let error as OctetError {
            let words = error.description
            #expect(words.contains("doesn't carry a symbolic batch"), "\(type): \(words)")
            let isExpected = error.code == .invalidQuantizer || refused.contains(type)
            #expect(isExpected, "\(type): \(words)")
            found.insert(type)
          }
        }
      }
    }
    let listed = Set(OperatorList.all.map { "\($0)" })
    #expect(carried.union(found).union(withoutBatch) == listed)
    #expect(listed.subtracting(carried).subtracting(withoutBatch).isSubset(of: refused))
    #expect(refused.isSubset(of: found))
  }

  @Test("Flattening and reshaping with -1 multiply the batch")
  func products() throws {
    let flatten = try recorded([2, 3, 4]) { try $0.flattened() }
    #expect(try result(of: flatten, [.batch, 3, 4]).description == "[12N]")
    let inner = try recorded([2, 3, 4]) { try $0.flattened(from: 1) }
    #expect(try result(of: inner, [.batch, 3, 4]) == [.batch, 12])
    let columns = try recorded([2, 6]) { try $0.reshaped([-1, 3]) }
    #expect(
      try result(of: columns, [.batch, 6]) == [SymbolicSize(factor: 2, offset: 0), 3])
    expectRefusal(flatten, [.batch, .batch, 3], says: "which for N = 1 give")
    expectRefusal(columns, [.batch, 4], says: "for N = 10007 expected")
    let fixed = try recorded([2, 4]) { try $0.view([2, 4]) }
    expectRefusal(fixed, [.batch, 4], says: "shapes [N, 4]")
  }

  @Test("A batch broadcasts against 1 and itself, against nothing else")
  func broadcasting() throws {
    let add = try recorded([2, 4]) { try Functional.add($0, $0) }
    #expect(try result(of: add, [.batch, 4], [1, 4]) == [.batch, 4])
    #expect(try result(of: add, [.batch, 1], [.batch, 4]) == [.batch, 4])
    #expect(try result(of: add, [4], [.batch, 1]) == [.batch, 4])
    #expect(try result(of: add, [3, 4], [4]) == [3, 4])
    expectRefusal(add, [.batch, 4], [2, 4], says: "for N = 10007")
    expectRefusal(add, [.batch, 4], [10_007, 4], says: "for N = 20011")
    expectRefusal(add, [.batch], [SymbolicSize(factor: 2, offset: 0)], says: "[N], [2N]")
    // Nothing about the batch is wrong here: the rule's own words.
    #expect(throws: OctetError.self) { try result(of: add, [3, 4], [2, 4]) }
  }

  @Test("Joining along the batch adds")
  func joining() throws {
    let join = try recorded([2, 4]) { try Functional.concatenate([$0, $0]) }
    #expect(
      try result(of: join, [.batch, 4], [2, 4]) == [SymbolicSize(factor: 1, offset: 2), 4])
    #expect(
      try result(of: join, [.batch, 4], [.batch, 4]) == [SymbolicSize(factor: 2, offset: 0), 4])
    expectRefusal(join, [2, .batch], [.batch, 2], says: "for N = 10007")
  }

  @Test("Windows along the batch: whole steps go with it, halves don't")
  func windows() throws {
    let wide: SymbolicShape = [1, 2, SymbolicSize(factor: 1, offset: 3), 6]
    let sliding = try recorded([1, 2, 6, 6]) {
      try Functional.avgPool($0, kernel: [3, 3], stride: [1, 1])
    }
    #expect(
      try result(of: sliding, wide) == [1, 2, SymbolicSize(factor: 1, offset: 1), 4])
    let halving = try recorded([1, 2, 6, 6]) { try Functional.avgPool($0, kernel: [2, 2]) }
    expectRefusal(halving, wide, says: "whole a and b")
    #expect(try result(of: halving, [.batch, 2, 6, 6]) == [.batch, 2, 3, 3])
    // Even batches would halve; an odd one rounds down.
    let even: SymbolicShape = [1, 2, SymbolicSize(factor: 2, offset: 2), 6]
    #expect(
      try result(of: halving, even) == [1, 2, SymbolicSize(factor: 1, offset: 1), 3])
  }

  @Test("What treats a batch of 1 apart is refused")
  func ones() throws {
    let squeeze = try recorded([1, 4]) { try $0.squeezed(0) }
    expectRefusal(squeeze, [.batch, 4], says: "which for N = 1 give [4]")
    let select = try recorded([2, 4]) { try $0.select(dim: 0, index: 1) }
    expectRefusal(select, [.batch, 4], says: "for N = 1 expected")
    let first = try recorded([2, 4]) { try $0.select(dim: 0, index: 0) }
    #expect(try result(of: first, [.batch, 4]) == [4])
  }

  @Test("Channels along the batch have no symbolic number")
  func channels() throws {
    let clone = try recorded([2, 4]) { try $0.clone() }
    let quantizer = try Quantizer(
      scales: [1, 2], zeroPoints: [0, 0], axis: 0, shape: [2, 4], dtype: .qint8)
    let spec = SymbolicSpec(shape: [.batch, 4], dtype: .qint8, quantizer: quantizer)
    let error = #expect(throws: OctetError.self) { try clone.symbolicOutputSpec([spec]) }
    #expect(error?.code == .invalidQuantizer)
    let along = SymbolicSpec(shape: [2, .batch], dtype: .qint8, quantizer: quantizer)
    #expect(try clone.symbolicOutputSpec([along]) == along)
  }
}
