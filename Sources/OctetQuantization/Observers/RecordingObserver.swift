import OctetNN
import OctetTensor

/// Keeps a copy of every tensor that passed, for debugging: memory grows with each batch.
/// torch.ao.quantization.RecordingObserver.
public final class RecordingObserver: Observer {
  /// Copies of the inputs, in order. torch's `get_tensor_value()`.
  public private(set) var tensors: [Tensor] = []

  /// An observer that records.
  public init(dtype: DType = .quint8) { super.init(dtype: dtype) }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    let copy = RecordingObserver(dtype: dtype)
    copy.tensors = try tensors.map { try $0.clone() }
    return copy
  }

  /// A recipe for such observers.
  public static func factory(dtype: DType = .quint8) -> ObserverFactory {
    ObserverFactory(
      class: "RecordingObserver", arguments: dtype == .quint8 ? [] : ["dtype=\(dtype.rawValue)"]
    ) { RecordingObserver(dtype: dtype) }
  }

  public override func observe(_ input: Tensor) throws { tensors.append(try input.clone()) }

  /// Lets go of the copies.
  public func reset() { tensors = [] }
}
