import Foundation
import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private final class Network: Module {
  let quant = QuantStub()
  let fc1 = Linear(6, 5)
  let relu = ReLU()
  let fc2 = Linear(5, 3)
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor { dequant(fc2(relu(fc1(quant(x))))) }
}

private func batch(_ seed: UInt64, _ count: Int = 7) throws -> Tensor {
  try Tensor(TestRandom(seed).floats(count * 6, in: -2...2), shape: [count, 6])
}

private func prepared(_ qconfig: QConfig, training: Bool) throws -> Network {
  RandomSource.shared.reseed(5)
  let model = Network()
  model.qconfig = qconfig
  training ? try prepareQAT(model) : try prepare(model.eval())
  _ = try model.evaluate(batch(1))
  return model.eval() as Network
}

/// 10 log10(Σ x² / Σ (x - y)²), and the largest difference.
private func expected(_ x: [Float], _ y: [Float]) -> (Double, Double) {
  var (signal, noise, largest) = (0.0, 0.0, 0.0)
  for (a, b) in zip(x.map(Double.init), y.map(Double.init)) {
    signal += a * a
    noise += (a - b) * (a - b)
    largest = max(largest, abs(a - b))
  }
  return (10 * log10(signal / noise), largest)
}

@Suite("What conversion changes, layer by layer", .serialized)
struct LayerOutputsTests {
  @Test func conversionTellsEachLayersDifference() throws {
    let model = try prepared(.default, training: false)
    let inputs = [try batch(2), try batch(3, 4)]
    var before: [Float] = []
    for input in inputs { before += try model.evaluate(input).elements(as: Float.self) }
    let differences = try convert(model, comparingOn: inputs)
    #expect(differences.map(\.path) == ["quant", "fc1", "fc2", "dequant"], "relu takes both")
    var after: [Float] = []
    for input in inputs { after += try model.evaluate(input).elements(as: Float.self) }
    let last = try #require(differences.last)
    let (ratio, largest) = expected(before, after)
    #expect(abs(last.signalToNoise - ratio) < 1e-6)
    #expect(last.largestDifference == largest)
    #expect(differences.allSatisfy { $0.signalToNoise > 20 && $0.signalToNoise < 80 })
  }

  /// The same bits as a conversion that compares nothing, however far from the calibration data the batches are.
  @Test(arguments: [false, true]) func comparingMovesNoRange(isTraining: Bool) throws {
    let qconfig =
      isTraining ? try QConfig.getDefaultQATQConfig(backend: .fbgemm, version: 1) : .default
    let plain = try prepared(qconfig, training: isTraining)
    let compared = try prepared(qconfig, training: isTraining)
    try convert(plain)
    let far = try Functional.multiply(batch(9), Tensor(scalar: Float(100)))
    #expect(try convert(compared, comparingOn: [far]).count == 4)
    let (x, y) = (try plain.evaluate(batch(4)), try compared.evaluate(batch(4)))
    #expect(try x.elements(as: Float.self) == y.elements(as: Float.self))
    #expect(compared.fc1.postHooks.isEmpty)
  }

  @Test func fakeQuantizersFollowAgainAfterwards() throws {
    let model = try prepared(
      .getDefaultQATQConfig(backend: .fbgemm, version: 1), training: true)
    let watcher = try #require(model.fc1.activationPostProcess as? FakeQuantizeBase)
    let before = try watcher.calculateParameters().scales
    _ = try LayerOutputs(of: model, for: [Functional.multiply(batch(9), Tensor(scalar: Float(9)))])
    #expect(try watcher.calculateParameters().scales == before)
    #expect(try watcher.observerEnabled.value.elements(as: Int64.self) == [1])
  }

  @Test func outputsOfTwoModelsCompareByPath() throws {
    RandomSource.shared.reseed(5)
    let (one, other) = (Network().eval(), Network().eval())
    try other.load(one.stateDictionary())
    let input = try batch(3)
    let mine = try LayerOutputs(of: one, for: [input])
    let same = mine.differences(to: try LayerOutputs(of: other, for: [input]))
    #expect(same.map(\.path) == ["quant", "fc1", "relu", "fc2", "dequant"])
    #expect(same.allSatisfy { $0.signalToNoise == .infinity && $0.largestDifference == 0 })
    #expect(same[0].description == "quant: no difference")
    other.fc2.bias?.value = try Functional.add(
      try #require(other.fc2.bias).value, Tensor(scalar: Float(0.5)))
    let moved = mine.differences(to: try LayerOutputs(of: other, at: ["fc2"], for: [input]))
    #expect(moved.map(\.path) == ["fc2"])
    #expect(abs(moved[0].largestDifference - 0.5) < 1e-6)
    #expect(throws: OctetError.self) { try LayerOutputs(of: one, at: ["fc3"], for: [input]) }
    // Other batch sizes can't be held against each other.
    #expect(mine.differences(to: try LayerOutputs(of: one, for: [batch(3, 2)])).isEmpty)
  }
}
