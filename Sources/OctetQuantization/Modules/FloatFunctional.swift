import OctetNN
import OctetTensor

/// What the functional modules have in common.
package protocol FunctionalMethods {
  func add(_ x: Tensor, _ y: Tensor) -> Tensor
  func addReLU(_ x: Tensor, _ y: Tensor) -> Tensor
  func mul(_ x: Tensor, _ y: Tensor) -> Tensor
  func cat(_ tensors: [Tensor], dim: Int) -> Tensor
  func matmul(_ x: Tensor, _ y: Tensor) -> Tensor
  func addScalar(_ x: Tensor, _ scalar: Double) -> Tensor
  func mulScalar(_ x: Tensor, _ scalar: Double) -> Tensor
}

extension FloatFunctional: FunctionalMethods {}
extension FXFloatFunctional: FunctionalMethods {}
extension Quantized.QFunctional: FunctionalMethods {}

/// Sums, products and concatenations as a module, so that `prepare` can watch their results and `convert` can give them a scale
/// and zero point: use one for each place in a model. torch.ao.nn.quantized.FloatFunctional.
///
/// Before conversion the methods compute in float32 on real tensors; afterwards they are those of
/// `Quantized.QFunctional`. They trap on mistakes, or leave them to `collectingErrors`.
public final class FloatFunctional: Module {
  /// Creates the module.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { FloatFunctional() }

  public override func forward(_ input: Tensor) throws -> Tensor {
    throw noForward("FloatFunctional")
  }

  private func watched(
    _ quantized: (Quantized.QFunctional) throws -> Tensor, _ float: () throws -> Tensor
  ) -> Tensor {
    eager {
      do {
        if let converted = current(as: Quantized.QFunctional.self) {
          return try collectingErrors { try quantized(converted) }
        }
        let result = try float()
        guard let activationPostProcess, !result.isPlaceholder else { return result }
        return try activationPostProcess.evaluate(result)
      } catch let error as OctetError {
        throw label.isEmpty ? error : error.inside(label)
      }
    }
  }

  /// `x + y`, broadcast. torch.add.
  public func add(_ x: Tensor, _ y: Tensor) -> Tensor {
    watched {
      $0.add(x, y)
    } _: {
      try Functional.add(x, y)
    }
  }

  /// `max(x + y, 0)`, broadcast.
  public func addReLU(_ x: Tensor, _ y: Tensor) -> Tensor {
    watched {
      $0.addReLU(x, y)
    } _: {
      try Functional.relu(Functional.add(x, y))
    }
  }

  /// `x * y`, broadcast. torch.mul.
  public func mul(_ x: Tensor, _ y: Tensor) -> Tensor {
    watched {
      $0.mul(x, y)
    } _: {
      try Functional.multiply(x, y)
    }
  }

  /// The tensors one behind the other along `dim`. torch.cat.
  public func cat(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    watched {
      $0.cat(tensors, dim: dim)
    } _: {
      try Functional.concatenate(tensors, dim: dim)
    }
  }

  /// Matrix products. torch.matmul.
  public func matmul(_ x: Tensor, _ y: Tensor) -> Tensor {
    watched {
      $0.matmul(x, y)
    } _: {
      try Functional.matmul(x, y)
    }
  }

  /// `x + scalar`. It isn't watched: quantized results need no scale of their own.
  public func addScalar(_ x: Tensor, _ scalar: Double) -> Tensor {
    eager { try Functional.addScalar(x, scalar) }
  }

  /// `x * scalar`. It isn't watched: quantized results need no scale of their own.
  public func mulScalar(_ x: Tensor, _ scalar: Double) -> Tensor {
    eager { try Functional.multiplyScalar(x, scalar) }
  }
}

/// `FloatFunctional` for graphs, where functions are watched by themselves: float32 only, nothing is converted.
/// torch.ao.nn.quantized.FXFloatFunctional.
public final class FXFloatFunctional: Module {
  /// Creates the module.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { FXFloatFunctional() }

  public override func forward(_ input: Tensor) throws -> Tensor {
    throw noForward("FXFloatFunctional")
  }

  /// `x + y`, broadcast. torch.add.
  public func add(_ x: Tensor, _ y: Tensor) -> Tensor { eager { try Functional.add(x, y) } }

  /// `max(x + y, 0)`, broadcast.
  public func addReLU(_ x: Tensor, _ y: Tensor) -> Tensor {
    eager { try Functional.relu(Functional.add(x, y)) }
  }

  /// `x * y`, broadcast. torch.mul.
  public func mul(_ x: Tensor, _ y: Tensor) -> Tensor { eager { try Functional.multiply(x, y) } }

  /// The tensors one behind the other along `dim`. torch.cat.
  public func cat(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    eager { try Functional.concatenate(tensors, dim: dim) }
  }

  /// Matrix products. torch.matmul.
  public func matmul(_ x: Tensor, _ y: Tensor) -> Tensor { eager { try Functional.matmul(x, y) } }

  /// `x + scalar`.
  public func addScalar(_ x: Tensor, _ scalar: Double) -> Tensor {
    eager { try Functional.addScalar(x, scalar) }
  }

  /// `x * scalar`.
  public func mulScalar(_ x: Tensor, _ scalar: Double) -> Tensor {
    eager { try Functional.multiplyScalar(x, scalar) }
  }
}

extension Quantized {
  /// Sums, products and concatenations of quantized tensors, rounded to the module's scale and zero point; the methods with a
  /// number move the input's own instead. What a `FloatFunctional` becomes. torch.ao.nn.quantized.QFunctional.
  public final class QFunctional: Layer {
    /// - Throws: `invalidQuantizer` for a scale that isn't positive and finite.
    public init(scale: Double = 1, zeroPoint: Int = 0) throws {
      try super.init(output: scale, zeroPoint)
    }

    /// The form of an observed module.
    convenience init(_ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(scale: output.scale, zeroPoint: output.zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try QFunctional(scale: scale, zeroPoint: zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      throw noForward("QFunctional")
    }

    /// `x + y`, broadcast. torch's quantized::add.
    public func add(_ x: Tensor, _ y: Tensor) -> Tensor {
      eager { try Functional.quantizedAdd(x, y, scale: scale, zeroPoint: zeroPoint) }
    }

    /// `max(x + y, 0)`, broadcast. torch's quantized::add_relu.
    public func addReLU(_ x: Tensor, _ y: Tensor) -> Tensor {
      eager { try Functional.quantizedAdd(x, y, scale: scale, zeroPoint: zeroPoint, relu: true) }
    }

    /// `x * y`, broadcast. torch's quantized::mul.
    public func mul(_ x: Tensor, _ y: Tensor) -> Tensor {
      eager { try Functional.quantizedMultiply(x, y, scale: scale, zeroPoint: zeroPoint) }
    }

    /// The tensors one behind the other along `dim`. torch's quantized::cat.
    public func cat(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
      eager {
        try Functional.quantizedConcatenate(tensors, dim: dim, scale: scale, zeroPoint: zeroPoint)
      }
    }

    /// Matrix products. torch's quantized::matmul.
    public func matmul(_ x: Tensor, _ y: Tensor) -> Tensor {
      eager { try Functional.quantizedMatmul(x, y, scale: scale, zeroPoint: zeroPoint) }
    }

    /// `x + scalar` with a scale and zero point that follow from the input's. torch's quantized::add_scalar.
    public func addScalar(_ x: Tensor, _ scalar: Double) -> Tensor {
      eager { try Functional.addScalar(x, scalar) }
    }

    /// `x * scalar` with a scale and zero point that follow from the input's. torch's quantized::mul_scalar.
    public func mulScalar(_ x: Tensor, _ scalar: Double) -> Tensor {
      eager { try Functional.multiplyScalar(x, scalar) }
    }
  }
}

private func noForward(_ name: String) -> OctetError {
  OctetError(
    .unsupportedModule, operation: name, expected: "a call of one of its methods",
    received: "a call of the module itself", fix: "use add, mul, cat, …")
}
