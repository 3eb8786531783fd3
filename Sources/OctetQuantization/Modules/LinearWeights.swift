import OctetNN
import OctetTensor

/// qint8 weights `[N, K]` and a float32 bias `[N]` as a part of a module's state.
final class LinearWeights: StateGroup {
  private(set) var packed: PackedLinear
  private let operation: String

  /// - Throws: when weight and bias aren't legal or don't fit.
  init(weight: Tensor, bias: Tensor?, operation: String) throws {
    packed = try Self.pack(weight, bias, operation)
    self.operation = operation
  }

  private static func pack(_ weight: Tensor, _ bias: Tensor?, _ operation: String) throws
    -> PackedLinear
  {
    try requireInt8(weight, operation)
    return try PackedLinear(weight: weight, bias: bias, operation: operation)
  }

  var entries: [(name: String, tensor: Tensor)] {
    [("weight", packed.weight)] + (packed.bias.map { [("bias", $0)] } ?? [])
  }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    let loaded = try Self.pack(
      state["weight"] ?? packed.weight, state["bias"] ?? packed.bias, operation)
    if !isTrial { packed = loaded }
  }

  func releaseCache() { packed.releaseCache() }
}
