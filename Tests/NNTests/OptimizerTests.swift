import OctetNN
import OctetTensor
import Testing

/// Optimizers, schedules and clipping against torch 2.8's.
struct OptimizerTests {
  /// Five steps on two parameters with gradients that change.
  private func run(_ make: ([Parameter]) -> Optimizer) throws -> [Float] {
    let p = Parameter(try Tensor([Float(1), -2, 0.5, 3], shape: [4]))
    let q = Parameter(try Tensor([Float(0.25), -0.75], shape: [2, 1]))
    let optimizer = make([p, q])
    for i in 0..<5 {
      try fill(p, q, turn: i)
      try optimizer.step()
      optimizer.zeroGradients()
    }
    return try p.value.elements() + q.value.elements()
  }

  private func fill(_ p: Parameter, _ q: Parameter, turn i: Int) throws {
    let factor = Float(i + 1) * (i % 2 == 0 ? 1 : -0.5)
    p.gradient = try Tensor([Float(0.1), -0.2, 0.3, -0.4].map { $0 * factor }, shape: [4])
    q.gradient = try Tensor([1 / Float(i + 1), -3 / Float(i + 1)], shape: [2, 1])
  }

  @Test func stochasticGradientDescent() throws {
    expectClose(
      try run { SGD($0, learningRate: 0.1) },
      [0.939999938, -1.87999988, 0.319999993, 3.24000025, 0.0216666777, -0.0649999827])
    expectClose(
      try run {
        SGD($0, learningRate: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.01)
      }, [0.907523394, -1.81504679, 0.248596579, 3.29703212, -0.391464174, 1.17439234])
    expectClose(
      try run { SGD($0, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true) },
      [0.833737731, -1.66747546, 0.0431164168, 3.54772019, -0.643023074, 1.92906904])
  }

  @Test func adaptiveMoments() throws {
    expectClose(
      try run { Adam($0, learningRate: 0.01) },
      [0.979196668, -1.97919667, 0.479196668, 3.02080297, 0.205985382, -0.705985367])
    expectClose(
      try run {
        Adam($0, learningRate: 0.01, betas: (0.8, 0.99), epsilon: 1e-6, weightDecay: 0.1)
      }, [0.963199854, -1.96313238, 0.47570467, 3.00537086, 0.207306281, -0.707268834])
    expectClose(
      try run { AdamW($0, learningRate: 0.01, weightDecay: 0.1) },
      [0.974257231, -1.96926737, 0.476752192, 3.00578284, 0.204831451, -0.702336431])
  }

  @Test func sharedMemoryKeepsItsValues() throws {
    let p = Parameter(try Tensor([Float(1), 2], shape: [2]))
    let seen = p.value.detached()
    p.gradient = try Tensor([Float(1), 1], shape: [2])
    try SGD([p], learningRate: 0.5).step()
    #expect(try p.value.elements(as: Float.self) == [0.5, 1.5])
    #expect(try seen.elements(as: Float.self) == [1, 2])
    #expect(p.value.requiresGrad)
  }

  @Test func statesGoOnWhereTheyStopped() throws {
    for make in [
      { SGD($0, learningRate: 0.1, momentum: 0.9) as Optimizer },
      { AdamW($0, learningRate: 0.1, weightDecay: 0.1) as Optimizer },
    ] as [([Parameter]) -> Optimizer] {
      let p = Parameter(try Tensor([Float(1), -2, 0.5, 3], shape: [4]))
      let q = Parameter(try Tensor([Float(0.25), -0.75], shape: [2, 1]))
      let first = make([p, q])
      for i in 0..<3 {
        try fill(p, q, turn: i)
        try first.step()
      }
      first.learningRate = 0.05
      let saved = first.stateDictionary()
      let (p2, q2) = (Parameter(p.value), Parameter(q.value))
      let second = make([p2, q2])
      try second.load(saved)
      for i in 3..<5 {
        try fill(p, q, turn: i)
        try first.step()
        try fill(p2, q2, turn: i)
        try second.step()
      }
      #expect(try p.value.elements(as: Float.self) == p2.value.elements(as: Float.self))
      #expect(try q.value.elements(as: Float.self) == q2.value.elements(as: Float.self))
      #expect(throws: OctetError.self) { try make([q2, p2]).load(saved) }
    }
  }

  @Test func schedules() throws {
    func rates(_ schedule: LearningRateSchedule) throws -> [Double] {
      let optimizer = SGD([], learningRate: 0.4)
      let scheduler = LearningRateScheduler(optimizer, schedule)
      return (0..<6).map { _ in
        defer { scheduler.step() }
        return optimizer.learningRate
      }
    }
    func close(_ found: [Double], _ wanted: [Double]) {
      for (a, b) in zip(found, wanted) { #expect(abs(a - b) < 1e-15, "\(found)") }
    }
    close(try rates(.constant), [0.4, 0.4, 0.4, 0.4, 0.4, 0.4])
    close(try rates(.step(epochs: 2, factor: 0.5)), [0.4, 0.4, 0.2, 0.2, 0.1, 0.1])
    close(
      try rates(.multiStep(milestones: [1, 4])), [0.4, 0.04, 0.04, 0.04, 0.004, 0.004])
    close(
      try rates(.cosine(epochs: 6, end: 0.01)),
      [0.4, 0.3738749537379656, 0.3025, 0.205, 0.1075, 0.03612504626203445])
  }

  @Test func clipping() throws {
    let a = Parameter(try Tensor(repeating: Float(0), shape: [3]))
    let b = Parameter(try Tensor(repeating: Float(0), shape: [2]))
    a.gradient = try Tensor([Float(3), -4, 0], shape: [3])
    b.gradient = try Tensor([Float(12), 1], shape: [2])
    let shared = try #require(a.gradient)
    let norm = try clipGradients([a, b], maxNorm: 2)
    #expect(abs(norm - 13.03840481) < 1e-7)
    expectClose(
      try #require(a.gradient).elements(), [0.4601789712905884, -0.6135719418525696, 0])
    expectClose(try #require(b.gradient).elements(), [1.8407158851623535, 0.1533929854631424])
    // Others may hold the same gradient.
    #expect(try shared.elements(as: Float.self) == [3, -4, 0])
    try clipGradients([a, b], limit: 0.5)
    expectClose(try #require(a.gradient).elements(), [0.4601789712905884, -0.5, 0])
    #expect(try clipGradients([a, b], maxNorm: 9, order: .infinity) == 0.5)
  }
}
