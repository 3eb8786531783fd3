import Octet

final class FashionCNN: Module {
  let quant = QuantStub(), dequant = DeQuantStub()
  let conv1 = Conv2d(1, 16, kernelSize: 3, padding: 1, bias: false), bn1 = BatchNorm2d(16)
  let conv2 = Conv2d(16, 32, kernelSize: 3, padding: 1, bias: false), bn2 = BatchNorm2d(32)
  let dw3 = Conv2d(32, 32, kernelSize: 3, padding: 1, groups: 32, bias: false)
  let pw4 = Conv2d(32, 64, kernelSize: 1, bias: false), bn3 = BatchNorm2d(32), bn4 = BatchNorm2d(64)
  let fc1 = Linear(576, 128), fc2 = Linear(128, 10)
  let relu1 = ReLU(), relu2 = ReLU(), relu3 = ReLU(), relu4 = ReLU(), relu5 = ReLU()

  override func forward(_ images: Tensor) -> Tensor {
    var x = relu1(bn1(conv1(quant(images)))).maxPool2d(2)
    x = relu2(bn2(conv2(x))).maxPool2d(2)
    x = relu4(bn4(pw4(relu3(bn3(dw3(x)))))).maxPool2d(2)
    return dequant(fc2(relu5(fc1(x.flatten(from: 1)))))
  }
}

// The trained weights, and 1,000 test images with their labels.
let resource = "Sources/OctetTool/Resources/fashion_cnn.safetensors"
let file = try SafetensorsFile(path: CommandLine.arguments.dropFirst().first ?? resource)
let images = try ((file.tensor("test.images_u8") / 255 - 0.2860) / 0.3530).unsqueezed(1)
let labels = try file.tensor("test.labels_u8").elements(as: UInt8.self)

func accuracy(_ model: FashionCNN) throws -> Double {
  let classes = try model.evaluate(images).argmax(dim: 1).elements(as: Int64.self)
  return Double(zip(classes, labels).filter { $0 == Int64($1) }.count) / Double(labels.count)
}
let model = FashionCNN().eval()
try model.load(StateDictionary(file.tensors()), strict: false)
print("float32:", try accuracy(model))

let layers = [["conv1", "bn1"], ["conv2", "bn2"], ["dw3", "bn3"], ["pw4", "bn4"], ["fc1"]]
try fuseModules(model, layers.enumerated().map { $1 + ["relu\($0 + 1)"] })
model.qconfig = .default
try prepare(model)
_ = try model.evaluate(images.slice(dim: 0, 0..<200))  // calibration
try convert(model)
print("int8:   ", try accuracy(model))
