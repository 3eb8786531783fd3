import OctetTensor
import Testing

@Suite("Every argument mistake is an error value")
struct MistakeTests {
  @Test("It names operation, argument, what was expected and what came", arguments: mistakes)
  func named(_ mistake: Mistake) {
    let error = #expect(throws: OctetError.self) { try mistake.call() }
    #expect(error?.operation == mistake.operation)
    #expect(error?.argument == mistake.argument)
    #expect(error?.expected.isEmpty == false && error?.received.isEmpty == false)
    #expect(error?.description.contains("expected") == true)
  }

  @Test(
    "A scope throws what eager calls would trap with, and the process lives", arguments: mistakes)
  func collected(_ mistake: Mistake) throws {
    let error = #expect(throws: OctetError.self) {
      try collectingErrors {
        let bad = eager { try mistake.call() }
        // Whatever follows is skipped.
        let after = (bad + 1).relu()[0, .all]
        after[.all] = bad
        return after
      }
    }
    #expect(error?.operation == mistake.operation && error?.argument == mistake.argument)
  }

  @Test("Eager methods leave their mistakes to the scope")
  func eagerMethods() throws {
    let x = try Tensor.full([2, 4], 1)
    let calls: [@Sendable (Tensor) -> Tensor] = [
      { $0 + $0.flatten() }, { $0 - $0.flatten() }, { $0 * $0.flatten() }, { $0 / $0.flatten() },
      { $0.sum(dims: [7]) }, { $0.product(dims: [7]) }, { $0.mean(dims: [7]) },
      { $0.variance(dims: [7]) }, { $0.standardDeviation(dims: [7]) }, { $0.norm(dims: [7]) },
      { $0.logSumExp(dims: [7]) }, { $0.cumulativeSum(dim: 7) }, { $0.logSoftmax(dim: 7) },
      { $0.softmax(dim: 7) }, { $0.argmax(dim: 7) }, { $0.argmin(dim: 7) },
      { $0.flip(dims: [7]) }, { $0.roll(shifts: [1], dims: [7]) }, { $0.tile([1]) },
      { $0.pad(before: [1], after: []) }, { $0.gather(dim: 0, index: $0) },
      { $0.indexSelect(dim: 0, index: $0) }, { $0.scatter(dim: 0, index: $0, source: $0) },
      { $0.scatterAdd(dim: 0, index: $0, source: $0) }, { $0.maskedFill($0, value: 1) },
      { $0.eq($0.flatten()) }, { $0.ne($0.flatten()) }, { $0.lt($0.flatten()) },
      { $0.le($0.flatten()) }, { $0.gt($0.flatten()) }, { $0.ge($0.flatten()) },
      { $0.flatten().tril() }, { $0.flatten().triu() }, { $0.softplus(beta: -1) },
      { $0.matmul($0) }, { $0[5] }, { $0[0, 0, 0] }, { $0[.ellipsis, 1..<9] },
    ]
    for (i, call) in calls.enumerated() {
      let error = #expect(throws: OctetError.self, "call \(i)") {
        try collectingErrors { call(x) }
      }
      #expect(error?.operation.isEmpty == false)
    }
    let error = #expect(throws: OctetError.self) { try collectingErrors { x[0] = x } }
    #expect(error?.argument == "newValue")
  }
}
