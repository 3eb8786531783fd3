import OctetGraph
import OctetNN
import OctetTensor
import Testing

private final class Block: Module {
  let first = Linear(4, 4)
  let relu = ReLU()

  override func forward(_ x: Tensor) throws -> Tensor {
    try Functional.add(x, relu(first(first(x))))
  }
}

private final class Model: Module {
  let block = Block()
  let scale = Parameter(Tensor(scalar: Float(3)))

  override func forward(_ x: Tensor) throws -> Tensor {
    let y = block(x)
    let halves = try Functional.chunk(y, chunks: 2, dim: 1)
    let product = try Functional.multiply(Functional.add(halves[0], halves[1]), scale.value)
    return try Functional.add(Functional.stack([product, product]), Tensor(scalar: Float(1)))
  }
}

private final class Branching: Module {
  let swallows: Bool

  init(swallows: Bool) { self.swallows = swallows }

  override func forward(_ x: Tensor) throws -> Tensor {
    let sum = swallows ? (try? Functional.sum(x).item()) ?? 1 : try Functional.sum(x).item()
    return sum > 0 ? try Functional.sine(x) : try Functional.cosine(x)
  }
}

private final class Holder: Module {
  let island: Branching

  init(swallows: Bool) { island = Branching(swallows: swallows) }

  override func forward(_ x: Tensor) -> Tensor { island(x) }
}

private final class Places: Module {
  let pool = MaxPool1d(2, returnIndices: true)

  override func forward(_ x: Tensor) throws -> Tensor {
    let (output, indices) = pool.withIndices(x)
    return try Functional.add(output, indices.converted(to: .float32))
  }
}

private func sample(_ seed: Float = 0) throws -> Tensor {
  try Tensor((0..<8).map { Float($0) * 0.37 - 1 + seed }, shape: [2, 4])
}

@Suite struct TracerTests {
  @Test func namesValuesAfterWhatMakesThem() throws {
    let model = Model().eval()
    let module = try Tracer.trace(model, [sample()])
    #expect(
      module.graph.nodes.map(\.name) == [
        "input.0", "block.first", "block.first#1", "block.relu", "block:add", ":chunk[0]",
        ":chunk[1]", ":add", "scale", ":mul", ":stack/unsqueeze", ":stack/unsqueeze.1", ":stack",
        "constant.1", ":add.1", "output",
      ])
    let add = try #require(module.graph.node(named: "block:add"))
    #expect(add.scopePath == "block")
    #expect(add.scopes.map(\.path) == ["", "block"])
    #expect(add.arguments.map { $0?.name } == ["input.0", "block.relu"])
    #expect(add.users.map(\.name) == [":chunk[0]", ":chunk[1]"])
    #expect(add.functionName == "add")
    #expect(module.graph.node(named: ":stack")?.functionName == "stack")
    #expect("\(module)".contains("%block:add : float32[2, 4] = call_function[add](%input.0"))
  }

  @Test func aPoolWithIndicesIsOneCallOfTwoResults() throws {
    let model = Places().eval()
    let module = try Tracer.trace(model, [sample()])
    #expect(module.graph.nodes.map(\.name) == ["input.0", "pool", ":to", ":add", "output"])
    let x = try Tensor([5, 1, 1, 5, 2, 3, 0, 0] as [Float], shape: [2, 4])
    #expect(try module.evaluate([x]) == model.evaluate(x))
    #expect(try model.evaluate(x).elements() == [5, 8, 4, 2] as [Float])
  }

  @Test func runsAsTheModelDoes() throws {
    let model = Model().eval()
    for policy in [LeafPolicy.layers, .none] {
      let module = try Tracer.trace(model, [sample()], policy: policy)
      for seed: Float in [0, 1, -2] {
        let x = try sample(seed)
        #expect(try module.evaluate([x]) == model.evaluate(x))
      }
    }
  }

  @Test func opensLayersDownToOperators() throws {
    let module = try Tracer.trace(Model().eval(), [sample()], policy: .none)
    let linear = try #require(module.graph.node(named: "block.first:linear"))
    #expect(
      linear.arguments.map { $0?.name } == ["input.0", "block.first.weight", "block.first.bias"])
    #expect(module.graph.node(named: "block.first:linear.1") != nil)
    #expect(module.graph.nodes.allSatisfy { $0.modulePath == nil })
    #expect(
      Set(module.stateDictionary().names)
        == ["block.first.weight", "block.first.bias", "scale", "constant.3"])
  }

  @Test func copiesComputeTheSameWithStateOfTheirOwn() throws {
    let module = try Tracer.trace(Model().eval(), [sample()])
    let copy = try module.copy()
    #expect(try copy.evaluate([sample()]) == module.evaluate([sample()]))
    var state = StateDictionary()
    for (name, tensor) in module.stateDictionary().entries {
      state[name] = try Functional.addScalar(tensor, 1)
    }
    try copy.load(state)
    #expect(try copy.evaluate([sample()]) != module.evaluate([sample()]))
    try module.load(state)
    #expect(try copy.evaluate([sample()]) == module.evaluate([sample()]))
  }

  @Test(arguments: [false, true]) func refusesWhatDependsOnElements(swallows: Bool) throws {
    let error = #expect(throws: OctetError.self) {
      try Tracer.trace(Holder(swallows: swallows), [sample()])
    }
    #expect(error?.code == .untraceable)
    #expect(error?.received.contains("Branching at 'island'") == true)
  }

  @Test func runsWhatItDoesNotLookInto() throws {
    let model = Holder(swallows: false).eval()
    let module = try Tracer.trace(
      model, [sample()], policy: LeafPolicy { module, _ in module is Branching })
    #expect(module.graph.nodes.map(\.name) == ["input.0", "island", "output"])
    for seed: Float in [-3, 3] {
      #expect(try module.evaluate([sample(seed)]) == model.evaluate(sample(seed)))
    }
  }

  @Test func refusesChangesInPlace() throws {
    let error = #expect(throws: OctetError.self) {
      try Tracer.trace(Identity(), [sample()]) { inputs in
        try inputs[0].copy(from: Tensor(repeating: Float(0), shape: [2, 4]))
        return inputs[0]
      }
    }
    #expect(error?.code == .untraceable)
  }

  @Test func leavesRunningStatisticsAlone() throws {
    let model = Sequential(Linear(4, 4), BatchNorm1d(4))
    let before = model.stateDictionary()
    let module = try Tracer.trace(model, [sample()])
    let after = model.stateDictionary()
    for (name, tensor) in before.entries { #expect(after[name] == tensor) }
    #expect(module.isTraining)
    #expect(module.graph.nodes.map(\.name) == ["input.0", "0", "1", "output"])
  }

  @Test func namesResultsOfRecurrentCalls() throws {
    let lstm = LSTM(4, 3)
    let x = try Tensor((0..<16).map { Float($0) * 0.1 }, shape: [2, 2, 4])
    let module = try Tracer.trace(lstm, [x], policy: LeafPolicy { $1 == "" && $0 is LSTM }) {
      let (output, state) = lstm($0[0], nil)
      return try Functional.add(
        output.select(dim: 0, index: 1), state.cell.select(dim: 0, index: 0))
    }
    let node = try #require(module.graph.nodes.first { $0.modulePath != nil })
    #expect((0..<3).map { Value(node, $0).name } == ["[0]", "[1][0]", "[1][1]"])
    let (output, state) = lstm(x, nil)
    #expect(
      try module.evaluate([x])
        == Functional.add(output.select(dim: 0, index: 1), state.cell.select(dim: 0, index: 0)))
  }

  @Test func trainsThroughTheGraph() throws {
    let model = Model()
    let module = try Tracer.trace(model, [sample()])
    try Functional.sum(module([sample()])).backward()
    let gradient = try #require(model.block.first.weight.gradient)
    #expect(try Functional.sum(Functional.square(gradient)).item() > 0)
    #expect(model.scale.gradient != nil)
  }
}
