import OctetNN
import OctetQuantization
import OctetTensor

/// Batch norms behind what they are seldom behind.
final class NormCornersModel: WorkflowModel {
  let quant = QuantStub()
  let up: ConvTranspose2d
  let bnUp = BatchNorm2d(5)
  let pool = AvgPool2d(2)
  let bn = BatchNorm2d(5)
  let relu = ReLU()
  let conv1d = Conv1d(5, 6, kernelSize: 3)
  let bn1d = BatchNorm1d(6)
  let relu1d = ReLU()
  let fc = Linear(84, 9)
  let bnFc = BatchNorm1d(9)
  let dequant = DeQuantStub()

  init(up: ConvTranspose2d) { self.up = up }

  override func forward(_ input: Tensor) -> Tensor {
    let x = relu(bn(pool(bnUp(up(quant(input)))))).flatten(from: 2)
    return dequant(bnFc(fc(relu1d(bn1d(conv1d(x))).flatten(from: 1))))
  }
}

/// Functions that have no integer form.
final class Island: Module {
  override func forward(_ x: Tensor) throws -> Tensor {
    let squares = try Functional.sum(Functional.multiply(x, x), dims: [1], keepDims: true)
    let length = try Functional.squareRoot(Functional.addScalar(squares, 1e-3))
    return try Functional.sine(Functional.divide(x, length))
  }
}

/// Integers on both sides of what computes in reals.
final class UnquantizableMiddleModel: WorkflowModel {
  let quant1 = QuantStub()
  let fc1 = Linear(16, 16)
  let relu = ReLU()
  let dequant1 = DeQuantStub()
  let island = Island()
  let quant2 = QuantStub()
  let fc2 = Linear(16, 8)
  let dequant2 = DeQuantStub()

  override func forward(_ input: Tensor) -> Tensor {
    let x = island(dequant1(relu(fc1(quant1(input)))))
    return dequant2(fc2(quant2(x)))
  }
}

/// What it computes depends on what comes.
final class BranchingIsland: Module {
  override func forward(_ x: Tensor) throws -> Tensor {
    try Functional.sum(x).item() > 0 ? Functional.sine(x) : Functional.cosine(x)
  }
}

/// Two layers around a module that can't be recorded.
final class NontraceableModel: WorkflowModel {
  let fc1 = Linear(16, 16)
  let relu = ReLU()
  let island = BranchingIsland()
  let fc2 = Linear(16, 8)

  override func forward(_ x: Tensor) -> Tensor { fc2(island(relu(fc1(x)))) }
}

/// Two ways up that are joined.
final class UpsamplerModel: WorkflowModel {
  let quant = QuantStub()
  let conv = Conv2d(4, 6, kernelSize: 3, stride: 2, padding: 1)
  let relu1 = ReLU()
  let up: ConvTranspose2d
  let relu2 = ReLU()
  let join = FloatFunctional()
  let head = Conv2d(11, 3, kernelSize: 1)
  let dequant = DeQuantStub()

  init(up: ConvTranspose2d) { self.up = up }

  override func forward(_ input: Tensor) throws -> Tensor {
    let x = relu1(conv(quant(input)))
    let learnt = relu2(up(x))
    let copied = try Functional.interpolate(x, scaleFactor: [2], mode: .nearest)
    return dequant(head(join.cat([learnt, copied], dim: 1)))
  }
}

/// Tables beside dense features.
final class EmbeddingBagModel: WorkflowModel {
  let bag = EmbeddingBag(40, 16, mode: .sum, includeLastOffset: true)
  let emb = Embedding(12, 8)
  let quant = QuantStub()
  let bottom = Linear(6, 8)
  let relu1 = ReLU()
  let top = Linear(32, 12)
  let relu2 = ReLU()
  let out = Linear(12, 1)
  let dequant = DeQuantStub()

  override func compute(_ inputs: [Tensor]) -> Tensor {
    let b = bag(inputs[1], offsets: inputs[2])
    let e = emb(inputs[3])
    let d = dequant(relu1(bottom(quant(inputs[0]))))
    let x = eager { try Functional.concatenate([d, b, e], dim: 1) }
    return out(relu2(top(x)))
  }
}
