import OctetGraph
import OctetNN
import OctetTensor
import Testing

@Suite struct GraphTests {
  private func traced() throws -> GraphModule {
    let x = try Tensor([Float(-1), 2], shape: [2])
    return try Tracer.trace(Identity(), [x], policy: .none) {
      try Functional.relu(Functional.add($0[0], Functional.sine($0[0])))
    }
  }

  @Test func keepsUsersRightThroughChanges() throws {
    let module = try traced()
    let graph = module.graph
    let input = try #require(graph.node(named: "input.0"))
    let add = try #require(graph.node(named: ":add"))
    let sine = try #require(graph.node(named: ":sin"))
    let relu = try #require(graph.node(named: ":relu"))
    #expect(input.users.map(\.name) == [":sin", ":add"])
    add.replaceInput(sine.value, with: input.value)
    #expect(sine.users.isEmpty)
    #expect(input.users.map(\.name) == [":sin", ":add"])
    let second = graph.insert(relu.operation, [add.value], name: ":relu", after: add)
    #expect(second.name == ":relu.1")
    graph.replaceUses(of: add.value, with: second.value) { $0 === second }
    #expect(add.users.map(\.name) == [":relu.1"])
    #expect(relu.arguments == [second.value])
    graph.eliminateDeadCode()
    #expect(graph.nodes.map(\.name) == ["input.0", ":add", ":relu.1", ":relu", "output"])
    try module.verify()
    let x = try Tensor([Float(-1), 2], shape: [2])
    #expect(try module.evaluate([x]).elements(as: Float.self) == [0, 4])
  }

  @Test func refusesToEraseWhatIsRead() throws {
    let graph = try traced().graph
    let add = try #require(graph.node(named: ":add"))
    let error = #expect(throws: OctetError.self) { try graph.erase(add) }
    #expect(error?.received == "one read by :relu")
    #expect(graph.node(named: ":add") === add)
  }

  @Test func verifyNamesWhatIsWrong() throws {
    let module = try traced()
    let relu = try #require(module.graph.node(named: ":relu"))
    module.graph.insert(.callOperator(try #require(relu.op)), [relu.value], name: "late")
    #expect(throws: OctetError.self) { try module.verify() }
    let other = try traced()
    let sine = try #require(other.graph.node(named: ":sin"))
    sine.setArgument(0, try #require(other.graph.node(named: ":relu")).value)
    let error = #expect(throws: OctetError.self) { try other.verify() }
    #expect(error?.argument == ":sin")
  }

  @Test func freesValuesAfterTheirLastUse() throws {
    let module = try traced()
    weak var early: Tensor?
    var wasFreed = false
    let x = try Tensor([Float(-1), 2], shape: [2])
    _ = try module.run([x]) { node, results in
      if node.name == ":sin" { early = results[0] }
      if node.name == ":relu" { wasFreed = early == nil }
      return results
    }
    #expect(wasFreed)
  }

  @Test func refusesAnotherNumberOfInputs() throws {
    let module = try traced()
    let error = #expect(throws: OctetError.self) { try module.evaluate([]) }
    #expect(error?.expected == "1 tensors")
  }

  @Test func longChainsAreFreed() throws {
    let module = try traced()
    let graph = module.graph
    let relu = try #require(graph.node(named: ":relu"))
    let op = try #require(relu.op)
    let output = try #require(graph.output)
    var last = relu
    for _ in 0..<20_000 {
      last = graph.insert(
        .callOperator(op), [last.value], name: "n\(graph.nodes.count)", before: output)
    }
    output.setArguments([last.value])
    try module.verify()
    #expect(graph.copy().nodes.count == graph.nodes.count)
  }
}
