import OctetNN
import OctetQuantization
import OctetTensor

/// A model that the workflow cases name, with one or several inputs.
class WorkflowModel: Module {
  /// The forward pass.
  func compute(_ inputs: [Tensor]) -> Tensor { self(inputs[0]) }

  /// The model of a name.
  ///
  /// - Throws: `invalidConfiguration` when there is none.
  static func named(_ name: String) throws -> WorkflowModel {
    switch name {
    case "mlp": return MLPModel()
    case "mlp_bare": return BareMLPModel()
    case "conv_bn_relu": return ConvModel()
    case "residual": return ResidualModel()
    case "conv1d_norms": return Conv1dNormsModel()
    case "conv3d": return Conv3dModel()
    case "siamese": return SiameseModel()
    case "inverted_residual": return InvertedResidualModel()
    case "lstm_tagger": return LSTMTaggerModel()
    case "rnn_cells": return RecurrentCellsModel()
    case "attention": return AttentionModel()
    case "unquantizable_middle": return UnquantizableMiddleModel()
    case "nontraceable": return NontraceableModel()
    case "embedding_bag_mlp": return EmbeddingBagModel()
    case "norm_corners":
      return NormCornersModel(
        up: ConvTranspose2d(3, 5, kernelSize: [2], stride: [2], bias: false))
    case "upsampler":
      return UpsamplerModel(
        up: ConvTranspose2d(
          6, 5, kernelSize: [3], stride: [2], padding: [1], outputPadding: [1]))
    default:
      throw OctetError(
        .invalidConfiguration, operation: "parity case", argument: "model",
        expected: "a model of the runner", received: "'\(name)'")
    }
  }
}

/// Three linear layers between stubs.
final class MLPModel: WorkflowModel {
  let quant = QuantStub()
  let fc1 = Linear(20, 32)
  let relu1 = ReLU()
  let fc2 = Linear(32, 24)
  let relu2 = ReLU()
  let fc3 = Linear(24, 10, bias: false)
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    dequant(fc3(relu2(fc2(relu1(fc1(quant(x)))))))
  }
}

/// Two linear layers without stubs.
final class BareMLPModel: WorkflowModel {
  let fc1 = Linear(20, 32)
  let relu1 = ReLU()
  let fc2 = Linear(32, 10)

  override func forward(_ x: Tensor) -> Tensor { fc2(relu1(fc1(x))) }
}

/// Two convolutions with batch norm, pools and a linear layer.
final class ConvModel: WorkflowModel {
  let quant = QuantStub()
  let conv1 = Conv2d(3, 8, kernelSize: 3, padding: 1, bias: false)
  let bn1 = BatchNorm2d(8)
  let relu1 = ReLU()
  let pool = MaxPool2d(2)
  let conv2 = Conv2d(8, 12, kernelSize: 3, stride: 2, padding: 1)
  let bn2 = BatchNorm2d(12)
  let relu2 = ReLU()
  let avgpool = AdaptiveAvgPool2d(1)
  let fc = Linear(12, 10)
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    let y = pool(relu1(bn1(conv1(quant(x)))))
    return dequant(fc(avgpool(relu2(bn2(conv2(y)))).flatten(from: 1)))
  }
}

/// Two convolutions around a shortcut.
final class BasicBlock: Module {
  let conv1: Conv2d
  let bn1: BatchNorm2d
  let relu1 = ReLU()
  let conv2: Conv2d
  let bn2: BatchNorm2d
  let down: Sequential?
  let skip = FloatFunctional()

  init(_ input: Int, _ output: Int, stride: Int) {
    conv1 = Conv2d(input, output, kernelSize: 3, stride: stride, padding: 1, bias: false)
    bn1 = BatchNorm2d(output)
    conv2 = Conv2d(output, output, kernelSize: 3, padding: 1, bias: false)
    bn2 = BatchNorm2d(output)
    down =
      stride != 1 || input != output
      ? Sequential(
        Conv2d(input, output, kernelSize: 1, stride: stride, bias: false), BatchNorm2d(output))
      : nil
  }

  override func forward(_ x: Tensor) -> Tensor {
    let y = bn2(conv2(relu1(bn1(conv1(x)))))
    return skip.addReLU(y, down.map { $0(x) } ?? x)
  }
}

/// Two residual blocks and two pools that are joined.
final class ResidualModel: WorkflowModel {
  let quant = QuantStub()
  let stem = Conv2d(3, 8, kernelSize: 3, padding: 1)
  let block1 = BasicBlock(8, 8, stride: 1)
  let block2 = BasicBlock(8, 12, stride: 2)
  let gap = AdaptiveAvgPool2d(1)
  let gmp = MaxPool2d(4)
  let join = FloatFunctional()
  let fc = Linear(24, 6)
  let dequant = DeQuantStub()

  override func forward(_ input: Tensor) -> Tensor {
    let x = block2(block1(stem(quant(input))))
    let a = gap(x)
    let m = gmp(x)
    return dequant(fc(join.cat([a, m], dim: 1).flatten(from: 1)))
  }
}

/// Convolutions over one dimension, with every norm that is quantized.
final class Conv1dNormsModel: WorkflowModel {
  let quant = QuantStub()
  let conv1 = Conv1d(4, 8, kernelSize: 3, padding: 1)
  let gn = GroupNorm(2, 8)
  let elu = ELU()
  let conv2 = Conv1d(8, 8, kernelSize: 3, padding: 2, dilation: 2, groups: 2)
  let inorm = InstanceNorm1d(8, affine: true)
  let leaky = LeakyReLU(negativeSlope: 0.1)
  let conv3 = Conv1d(8, 3, kernelSize: 1)
  let ln = LayerNorm(20)
  let sigmoid = Sigmoid()
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    let y = leaky(inorm(conv2(elu(gn(conv1(quant(x)))))))
    return dequant(sigmoid(ln(conv3(y))))
  }
}

/// Convolutions over three dimensions.
final class Conv3dModel: WorkflowModel {
  let quant = QuantStub()
  let conv1 = Conv3d(2, 4, kernelSize: [3], padding: [1], bias: false)
  let bn1 = BatchNorm3d(4)
  let relu1 = ReLU()
  let pool = AvgPool3d(2)
  let conv2 = Conv3d(4, 6, kernelSize: [1, 3, 3], padding: [0, 1, 1])
  let bn2 = BatchNorm3d(6)
  let relu2 = ReLU()
  let gap = AdaptiveAvgPool3d(1)
  let fc = Linear(6, 4)
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    let y = pool(relu1(bn1(conv1(quant(x)))))
    return dequant(fc(gap(relu2(bn2(conv2(y)))).flatten(from: 1)))
  }
}

/// One tower that serves two inputs.
final class SiameseModel: WorkflowModel {
  let quant = QuantStub()
  let tower = Linear(10, 12)
  let relu = ReLU()
  let mul = FloatFunctional()
  let fc = Linear(12, 4)
  let dequant = DeQuantStub()

  override func compute(_ inputs: [Tensor]) -> Tensor {
    let x = relu(tower(quant(inputs[0])))
    let y = relu(tower(quant(inputs[1])))
    return dequant(fc(mul.mul(x, y)))
  }
}

/// Weighs channels by what their means say.
final class SqueezeExcite: Module {
  let pool = AdaptiveAvgPool2d(1)
  let fc1: Conv2d
  let relu = ReLU()
  let fc2: Conv2d
  let gate = Hardsigmoid()
  let mul = FloatFunctional()

  init(_ channels: Int, _ reduced: Int) {
    fc1 = Conv2d(channels, reduced, kernelSize: 1)
    fc2 = Conv2d(reduced, channels, kernelSize: 1)
  }

  override func forward(_ x: Tensor) -> Tensor {
    mul.mul(x, gate(fc2(relu(fc1(pool(x))))))
  }
}

/// An expanding block with a depthwise convolution, squeeze and excitation.
final class InvertedResidualModel: WorkflowModel {
  let quant = QuantStub()
  let expand = Conv2d(6, 18, kernelSize: 1, bias: false)
  let bn1 = BatchNorm2d(18)
  let act1 = Hardswish()
  let depthwise = Conv2d(18, 18, kernelSize: 3, padding: 1, groups: 18, bias: false)
  let bn2 = BatchNorm2d(18)
  let act2 = Hardswish()
  let se = SqueezeExcite(18, 6)
  let project = Conv2d(18, 6, kernelSize: 1, bias: false)
  let bn3 = BatchNorm2d(6)
  let skip = FloatFunctional()
  let head = Conv2d(6, 10, kernelSize: 1)
  let act3 = ReLU6()
  let gap = AdaptiveAvgPool2d(1)
  let dequant = DeQuantStub()

  override func forward(_ input: Tensor) -> Tensor {
    let x = quant(input)
    var y = act1(bn1(expand(x)))
    y = act2(bn2(depthwise(y)))
    y = bn3(project(se(y)))
    return dequant(gap(act3(head(skip.add(x, y)))).flatten(from: 1))
  }
}
