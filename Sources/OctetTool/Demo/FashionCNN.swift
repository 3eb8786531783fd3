import Octet

/// The demo's network: three convolutions and a pointwise one, each with batch norm and ReLU, then two linear layers;
/// `[N, 1, 28, 28]` in, `[N, 10]` out.
final class FashionCNN: Module {
  let quant = QuantStub()
  let conv1 = Conv2d(1, 16, kernelSize: 3, padding: 1, bias: false)
  let bn1 = BatchNorm2d(16)
  let relu1 = ReLU()
  let conv2 = Conv2d(16, 32, kernelSize: 3, padding: 1, bias: false)
  let bn2 = BatchNorm2d(32)
  let relu2 = ReLU()
  let dw3 = Conv2d(32, 32, kernelSize: 3, padding: 1, groups: 32, bias: false)
  let bn3 = BatchNorm2d(32)
  let relu3 = ReLU()
  let pw4 = Conv2d(32, 64, kernelSize: 1, bias: false)
  let bn4 = BatchNorm2d(64)
  let relu4 = ReLU()
  let fc1 = Linear(576, 128)
  let relu5 = ReLU()
  let fc2 = Linear(128, 10)
  let dequant = DeQuantStub()

  /// The layers that run as one.
  static let fusions = [
    ["conv1", "bn1", "relu1"], ["conv2", "bn2", "relu2"], ["dw3", "bn3", "relu3"],
    ["pw4", "bn4", "relu4"], ["fc1", "relu5"],
  ]

  override func forward(_ images: Tensor) -> Tensor {
    var x = relu1(bn1(conv1(quant(images)))).maxPool2d(2)
    x = relu2(bn2(conv2(x))).maxPool2d(2)
    x = relu3(bn3(dw3(x)))
    x = relu4(bn4(pw4(x))).maxPool2d(2)
    return dequant(fc2(relu5(fc1(x.flatten(from: 1)))))
  }
}
