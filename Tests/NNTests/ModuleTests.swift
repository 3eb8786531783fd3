import OctetNN
import OctetTensor
import OctetTestSupport
import Testing

private final class Block: Module {
  let first: Linear
  let second: Linear
  let norm = BatchNorm1d(4)
  let tail: [Module] = [ReLU(), Linear(4, 2)]

  init(_ first: Linear = Linear(3, 4), _ second: Linear = Linear(4, 4)) {
    self.first = first
    self.second = second
  }

  override func forward(_ x: Tensor) -> Tensor {
    tail.reduce(norm(second(first(x)))) { $1($0) }
  }
}

private final class Outer: Module {
  let block = Block()
  override func forward(_ x: Tensor) -> Tensor { block(x) }
}

private final class Doubling: Module {
  override func forward(_ x: Tensor) -> Tensor { x * 2 }
}

@Suite("Modules: children, state, mode and successors")
struct ModuleTests {
  @Test func reflectionFindsChildrenAndState() {
    let model = Outer()
    #expect(
      model.namedModules().map(\.path) == [
        "", "block", "block.first", "block.second", "block.norm", "block.tail.0", "block.tail.1",
      ])
    #expect(
      model.stateDictionary().names == [
        "block.first.weight", "block.first.bias", "block.second.weight", "block.second.bias",
        "block.norm.weight", "block.norm.bias", "block.norm.running_mean", "block.norm.running_var",
        "block.norm.num_batches_tracked", "block.tail.1.weight", "block.tail.1.bias",
      ])
    #expect(model.submodule("block.tail.1") is Linear)
    #expect(model.submodule("block.tail.2") == nil)
  }

  @Test func stateRoundTripsToTheSameOutputs() throws {
    let (a, b) = (Outer().eval(), Outer().eval())
    let x = try Tensor(TestRandom(3).floats(6), shape: [2, 3])
    #expect(try a(x).elements(as: Float.self) != b(x).elements(as: Float.self))
    try b.load(a.stateDictionary())
    #expect(try a(x).elements(as: Float.self) == b(x).elements(as: Float.self))
  }

  @Test func loadingIsAllOrNothing() throws {
    let model = Outer().eval()
    let before = try model.stateDictionary().entries.map {
      "\(try $0.tensor.contiguous().withBytes { Array($0) })"
    }
    var state = Outer().stateDictionary()
    state["block.tail.1.bias"] = try Tensor(repeating: Float(0), shape: [3])
    let shape = #expect(throws: OctetError.self) { try model.load(state) }
    #expect(shape?.argument == "block.tail.1.bias")
    state["block.tail.1.bias"] = nil
    state["block.extra"] = Tensor(scalar: Float(1))
    let names = #expect(throws: OctetError.self) { try model.load(state) }
    #expect(names?.received.contains("missing [block.tail.1.bias]") == true)
    #expect(names?.received.contains("unexpected [block.extra]") == true)
    let after = try model.stateDictionary().entries.map {
      "\(try $0.tensor.contiguous().withBytes { Array($0) })"
    }
    #expect(before == after)
    try model.load(state, strict: false)
  }

  @Test func aSuccessorRunsInTheHandlesPlace() throws {
    let model = Outer().eval()
    let x = try Tensor([1, 2, 3] as [Float], shape: [1, 3])
    let first = model.block.first
    try first.become(Doubling())
    try model.block.second.become(Linear(3, 4))
    #expect(first(x).shape == [1, 3])
    #expect(try first(x).elements(as: Float.self) == [2, 4, 6])
    #expect(first.current is Doubling)
    #expect(model(x).shape == [1, 2])
    #expect(!model.stateDictionary().names.contains("block.first.weight"))
  }

  @Test func aSuccessorNeverHoldsItsHandle() throws {
    let linear = Linear(3, 3)
    #expect(throws: OctetError.self) { try linear.become(Sequential(ReLU(), linear)) }
    #expect(throws: OctetError.self) { try linear.become(linear) }
    try linear.become(Doubling())
    let inner = Linear(3, 3)
    try inner.become(Doubling())
    try linear.become(inner)
    #expect(linear.current is Doubling, "the chain is never longer than one")
  }

  @Test func hooksAndObserversRunInOrder() throws {
    let linear = Linear(2, 2)
    var seen: [String] = []
    linear.preHooks.append(
      ModuleHook { _, x in
        seen.append("pre"); return x * 2
      })
    linear.postHooks.append(
      ModuleHook { _, y in
        seen.append("post"); return y + 1
      })
    try linear.become(Doubling())
    let y = linear(try Tensor([1, 2] as [Float], shape: [1, 2]))
    #expect(try y.elements(as: Float.self) == [5, 9])
    #expect(seen == ["pre", "post"])
  }

  @Test func errorsCarryTheModulesPath() throws {
    let model = Outer().eval()
    let x = try Tensor(repeating: Float(1), shape: [1, 5])
    let error = #expect(throws: OctetError.self) { try model.evaluate(x) }
    #expect(error?.modulePath == "block.first")
    #expect(error?.description.hasPrefix("at block.first: linear: input: expected") == true)
  }

  @Test func modeReachesEveryModule() {
    let model = Outer()
    #expect(model.block.norm.isTraining)
    model.eval()
    #expect(model.namedModules().allSatisfy { !$0.module.isTraining })
    model.train()
    #expect(model.namedModules().allSatisfy { $0.module.isTraining })
  }

  @Test func batchNormTracksStatisticsInTraining() throws {
    let norm = BatchNorm1d(2, momentum: 0.5)
    let x = try Tensor([1, 10, 3, 30] as [Float], shape: [2, 2])
    let y: [Float] = try norm(x).elements()
    // Biased variance 1 and 100 normalizes; the unbiased 2 and 200 is tracked.
    for (got, want) in zip(y, [-1, -1, 1, 1] as [Float]) { #expect(abs(got - want) < 1e-4) }
    #expect(try norm.runningMean?.value.elements(as: Float.self) == [1, 10])
    #expect(try norm.runningVar?.value.elements(as: Float.self) == [1.5, 100.5])
    #expect(try norm.numBatchesTracked?.value.elements(as: Int64.self) == [1])
    norm.eval()
    _ = norm(x)
    #expect(try norm.numBatchesTracked?.value.elements(as: Int64.self) == [1])
    norm.train()
    let error = #expect(throws: OctetError.self) {
      try norm.evaluate(Tensor([1, 2] as [Float], shape: [1, 2]))
    }
    #expect(error?.fix.contains("eval()") == true)
  }

  @Test func theSameSeedGivesTheSameWeights() throws {
    RandomSource.shared.reseed(7)
    let a: [Float] = try Linear(8, 8).weight.value.elements()
    RandomSource.shared.reseed(7)
    let b: [Float] = try Linear(8, 8).weight.value.elements()
    #expect(a == b)
    let bound = 1 / Float(8).squareRoot()
    #expect(a.allSatisfy { abs($0) <= bound } && Set(a).count > 32)
  }

  @Test func printingShowsTheTree() throws {
    let model = Sequential(Linear(3, 4), ReLU())
    #expect(
      model.description == """
        Sequential(
          (0): Linear(3, 4, bias: true)
          (1): ReLU()
        )
        """)
    try model[0].become(Doubling())
    #expect(model.description.contains("(0): Doubling()"))
  }
}
