import OctetGraph
import OctetNN
import OctetTensor

/// Marks where real activations become quantized: identity in a float model, observed by `prepare`, `Quantized.Quantize` after
/// `convert`. torch.ao.quantization.QuantStub.
public final class QuantStub: Module, TracedThrough {
  /// A stub that takes its parent's configuration, or its own.
  public init(qconfig: QConfig? = nil) {
    super.init()
    if let qconfig { self.qconfig = qconfig }
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { QuantStub() }

  public override func forward(_ input: Tensor) -> Tensor { input }
}

/// Marks where quantized activations become real: identity in a float model, `Quantized.DeQuantize` after `convert`.
/// torch.ao.quantization.DeQuantStub.
public final class DeQuantStub: Module, TracedThrough {
  /// A stub that takes its parent's configuration.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { DeQuantStub() }

  public override func forward(_ input: Tensor) -> Tensor { input }
}

/// A module between a `QuantStub` and a `DeQuantStub`. torch.ao.quantization.QuantWrapper.
public final class QuantWrapper: Module, TracedThrough {
  private let quant = QuantStub()
  private let module: Module
  private let dequant = DeQuantStub()

  /// Wraps `module`, taking over its configuration and training mode.
  public init(_ module: Module) {
    self.module = module
    super.init()
    if case .set(let qconfig) = module.qconfigSetting { self.qconfig = qconfig }
    train(module.isTraining)
  }

  private init(copying module: Module) { self.module = module }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    QuantWrapper(copying: try copier(module))
  }

  public override func forward(_ input: Tensor) -> Tensor { dequant(module(quant(input))) }
}

/// Wraps every module without children that has a configuration in a `QuantWrapper`, in place: it then takes and gives real tensors and
/// computes on integers once converted. Call `propagateQConfig` first. torch.ao.quantization.add_quant_dequant.
///
/// - Throws: `unsupportedModule` for a module that fusion or conversion has replaced: wrap before you fuse.
public func addQuantDequant(_ model: Module) throws {
  var leaves: [Module] = []
  model.applyToAll { module in
    if module.children.isEmpty, module.qconfig != nil, !(module is StandIn) {
      leaves.append(module)
    }
  }
  for leaf in leaves {
    guard leaf.current === leaf else {
      throw OctetError(
        .unsupportedModule, operation: "add_quant_dequant", argument: "module",
        expected: "modules as the model declares them",
        received: "a \(type(of: leaf.current)) in place of a \(type(of: leaf))",
        fix: "wrap before fusing")
    }
  }
  for leaf in leaves {
    let inner = StandIn(for: leaf)
    if case .set(let qconfig) = leaf.qconfigSetting { inner.qconfig = qconfig }
    try leaf.become(QuantWrapper(inner))
  }
}

extension Quantized {
  /// `quantizePerTensor` with fixed parameters: what a `QuantStub` becomes. torch.ao.nn.quantized.Quantize.
  public final class Quantize: Module {
    private let scale: Buffer
    private let zeroPoint: Buffer
    private let dtype: DType

    /// - Throws: `invalidQuantizer` for parameters that aren't legal for `dtype`.
    public init(scale: Double, zeroPoint: Int, dtype: DType) throws {
      _ = try Quantizer(
        scale: scale, zeroPoint: zeroPoint, dtype: dtype, operation: "Quantized.Quantize")
      self.scale = Buffer(try Tensor([Float(scale)], shape: [1]))
      self.zeroPoint = Buffer(try Tensor([Int64(zeroPoint)], shape: [1]))
      self.dtype = dtype
    }

    /// The form of an observed stub.
    convenience init(_ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        scale: output.scale, zeroPoint: output.zeroPoint,
        dtype: context.activation?.dtype ?? .quint8)
    }

    private init(_ dtype: DType, _ scale: Buffer, _ zeroPoint: Buffer) {
      self.dtype = dtype
      self.scale = scale
      self.zeroPoint = zeroPoint
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      Quantize(dtype, try copier(scale), try copier(zeroPoint))
    }

    public override var details: String {
      let values = try? (scale.value.item(), Int(zeroPoint.value.item()))
      return values.map { "scale: \($0), zeroPoint: \($1), dtype: \(dtype.rawValue)" } ?? ""
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.quantizePerTensor(
        input, scale: scale.value.item(), zeroPoint: Int(zeroPoint.value.item()), dtype: dtype)
    }
  }

  /// `dequantize`: what a `DeQuantStub` becomes. torch.ao.nn.quantized.DeQuantize.
  public final class DeQuantize: Module {
    /// Creates the module.
    public override init() {}

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { DeQuantize() }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.dequantize(input)
    }
  }
}
