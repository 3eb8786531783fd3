import OctetTensor

/// Modules one after the other, named "0", "1", ... torch.nn.Sequential.
public final class Sequential: Module {
  private let modules: [Module]

  /// Runs `modules` in order.
  public init(_ modules: Module...) { self.modules = modules }

  /// Runs `modules` in order.
  public init(_ modules: [Module]) { self.modules = modules }

  /// The number of modules.
  public var count: Int { modules.count }

  /// The handle at a position.
  public subscript(index: Int) -> Module { modules[index] }

  public override func ownChildren() -> [(name: String, module: Module)] {
    modules.enumerated().map { ("\($0)", $1) }
  }

  public override func forward(_ input: Tensor) -> Tensor {
    modules.reduce(input) { $1($0) }
  }
}

/// Gives back its input. torch.nn.Identity.
public final class Identity: Module {
  /// Creates the module.
  public override init() {}

  public override func forward(_ input: Tensor) -> Tensor { input }
}
