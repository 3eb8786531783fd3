import OctetNN
import OctetTensor
import OctetTestSupport
import Testing

private final class SmallNet: Module {
  let conv = Conv2d(1, 4, kernelSize: 3, padding: 1)
  let bn = BatchNorm2d(4)
  let dropout = Dropout(p: 0.25)
  let fc = Linear(36, 3)

  override func forward(_ input: Tensor) -> Tensor {
    fc(dropout(bn(conv(input)).relu().maxPool2d(2)).flatten(from: 1))
  }
}

/// Parameters, batches, initializers, and runs that stop and go on.
struct TrainingTests {
  private func data() throws -> (images: Tensor, labels: Tensor) {
    let random = TestRandom(5)
    let labels = (0..<24).map { _ in Int64(random.int(0...2)) }
    var pixels = random.floats(24 * 36, in: -0.5...0.5)
    // A bright row says which class it is.
    for (i, label) in labels.enumerated() {
      for x in 0..<6 { pixels[i * 36 + Int(label) * 12 + x] += 1 }
    }
    return (try Tensor(pixels, shape: [24, 1, 6, 6]), try Tensor(labels, shape: [24]))
  }

  /// A generator of the test's own: others run at the same time.
  private func seeded(_ seed: UInt64, _ body: () throws -> Void) rethrows {
    try RandomSource.$shared.withValue(RandomSource(seed: seed), operation: body)
  }

  private func fresh() -> (SmallNet, Adam) {
    RandomSource.shared.reseed(3)
    let model = SmallNet()
    return (model, Adam(model.parameters, learningRate: 0.02, weightDecay: 1e-4))
  }

  /// Trains from `place` to the end, or to a batch; gives the losses.
  private func train(
    _ model: SmallNet, _ optimizer: Adam, from place: TrainingPlace = TrainingPlace(),
    until end: TrainingPlace = TrainingPlace(epoch: 6)
  ) throws -> [Double] {
    let (images, labels) = try data()
    let batches = try Batches([images, labels], size: 5, seed: 11)
    var losses: [Double] = []
    for epoch in place.epoch...end.epoch {
      let order = batches.order(epoch: epoch)
      let last = epoch == end.epoch ? end.batch : batches.count
      for index in (epoch == place.epoch ? place.batch : 0)..<last {
        let batch = try batches.batch(index, of: order)
        let loss = try Functional.crossEntropy(model.evaluate(batch[0]), target: batch[1])
        model.zeroGradients()
        try loss.backward()
        try optimizer.step()
        losses.append(try loss.item())
      }
    }
    return losses
  }

  @Test func lossesFallAndRunsRepeat() throws {
    try seeded(3) {
      let (model, optimizer) = fresh()
      let losses = try train(model, optimizer)
      #expect(losses.count == 30)
      let (first, last) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
      #expect(last < 0.2 * first)
      let (again, other) = fresh()
      #expect(try train(again, other) == losses)
    }
  }

  @Test func anInterruptedRunEndsInTheSameBits() throws {
    try seeded(3) {
      let (model, optimizer) = fresh()
      let whole = try train(model, optimizer)
      let (first, firstOptimizer) = fresh()
      let place = TrainingPlace(epoch: 2, batch: 3)
      let before = try train(first, firstOptimizer, until: place)
      let saved = Checkpoint(model: first, optimizer: firstOptimizer).stateDictionary(at: place)
      // Another program would begin with anything.
      RandomSource.shared.reseed(99)
      let second = SmallNet()
      let secondOptimizer = Adam(second.parameters, learningRate: 7, weightDecay: 1e-4)
      let found = try Checkpoint(model: second, optimizer: secondOptimizer).restore(saved)
      #expect(found == place)
      #expect(try before + train(second, secondOptimizer, from: found) == whole)
      for ((name, a), (_, b)) in zip(
        model.stateDictionary().entries, second.stateDictionary().entries)
      {
        #expect(a.withBytes { a in b.withBytes { a.elementsEqual($0) } }, "\(name)")
      }
    }
  }

  @Test func aDamagedCheckpointIsRefused() throws {
    try seeded(3) {
      let (model, optimizer) = fresh()
      let checkpoint = Checkpoint(model: model, optimizer: optimizer)
      var state = checkpoint.stateDictionary(at: TrainingPlace())
      state["training.epoch"] = nil
      #expect(throws: OctetError.self) { try checkpoint.restore(state) }
      state = checkpoint.stateDictionary(at: TrainingPlace())
      state["model.fc.weight"] = try Tensor(repeating: Float(0), shape: [2, 2])
      #expect(throws: OctetError.self) { try checkpoint.restore(state) }
    }
  }

  @Test func parametersAreLeavesThatCanBeFrozen() throws {
    try seeded(3) {
      let (model, _) = fresh()
      #expect(
        model.namedParameters().map(\.name)
          == ["conv.weight", "conv.bias", "bn.weight", "bn.bias", "fc.weight", "fc.bias"])
      #expect(model.parameters.allSatisfy { $0.value.requiresGrad && $0.value.isLeaf })
      #expect(model.stateDictionary().entries.allSatisfy { !$0.tensor.requiresGrad })
      model.conv.weight.requiresGrad = false
      let (images, labels) = try data()
      try Functional.crossEntropy(model(images), target: labels).backward()
      #expect(model.conv.weight.gradient == nil && model.conv.bias?.gradient != nil)
      model.eval()
      #expect(try !model.evaluate(images).requiresGrad)
      #expect(model(images).requiresGrad)
    }
  }

  @Test func batchesCoverEveryRowOnce() throws {
    let rows = try Tensor((0..<11).map { Int64($0) }, shape: [11, 1])
    let batches = try Batches([rows], size: 4, seed: 1)
    var seen: [[Int64]] = []
    for epoch in 0..<2 {
      let order = batches.order(epoch: epoch)
      #expect(batches.order(epoch: epoch) == order)
      let values = try (0..<batches.count).map {
        try batches.batch($0, of: order)[0].elements(as: Int64.self)
      }
      #expect(values.map(\.count) == [4, 4, 3])
      seen.append(values.flatMap { $0 })
      #expect(seen[epoch].sorted() == (0..<11).map { Int64($0) })
    }
    #expect(seen[0] != seen[1])
    #expect(try Batches([rows], size: 4, dropsLast: true).count == 2)
    #expect(try Batches([rows], size: 4).order(epoch: 3) == Array(0..<11))
    #expect(throws: OctetError.self) { try Batches([rows], size: 0) }
    #expect(throws: OctetError.self) {
      try Batches([rows, Tensor(scalar: Float(1))], size: 1)
    }
  }

  @Test func initializersHaveTheirSpread() throws {
    try seeded(3) {
      RandomSource.shared.reseed(4)
      func spread(_ draw: (Parameter) throws -> Void) throws -> (largest: Double, deviation: Double)
      {
        let weight = Parameter(try Tensor(repeating: Float(0), shape: [64, 32, 3, 3]))
        try draw(weight)
        let values: [Float] = try weight.value.elements()
        let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        return (
          values.map { Double(abs($0)) }.max() ?? 0, (squares / Double(values.count)).squareRoot()
        )
      }
      let bound = (6.0 / 288).squareRoot()
      let uniform = try spread { try Initializers.kaimingUniform($0, nonlinearity: .relu) }
      #expect(uniform.largest <= bound * 1.0001 && uniform.largest > bound * 0.99)
      let normal = try spread { try Initializers.kaimingNormal($0, mode: .fanOut) }
      #expect(abs(normal.deviation / (2.0 / 576).squareRoot() - 1) < 0.03)
      let xavier = try spread { try Initializers.xavierUniform($0, gain: 2) }
      let limit = 2 * (6.0 / 864).squareRoot()
      #expect(xavier.largest <= limit * 1.0001 && xavier.largest > limit * 0.99)
      let second = try spread { try Initializers.xavierNormal($0) }
      #expect(abs(second.deviation / (2.0 / 864).squareRoot() - 1) < 0.03)
      #expect(throws: OctetError.self) {
        try Initializers.xavierNormal(Parameter(Tensor([Float(1)], shape: [1])))
      }
    }
  }
}
