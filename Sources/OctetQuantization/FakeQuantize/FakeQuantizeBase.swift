import OctetNN
import OctetTensor

/// The base of fake quantizers: observers that give back their input rounded to the quantized grid.
/// torch.ao.quantization.FakeQuantizeBase.
///
/// State: `fake_quant_enabled` and `observer_enabled`, shape [1], uint8 (int64 in the fused form), 0 or 1.
open class FakeQuantizeBase: Observer {
  /// Whether values are rounded.
  public let fakeQuantEnabled: Buffer
  /// Whether ranges are followed.
  public let observerEnabled: Buffer

  /// A fake quantizer with both switches on.
  package init(dtype: DType, isDynamic: Bool, hasWideFlags: Bool) {
    fakeQuantEnabled = Buffer(Self.flag(true, isWide: hasWideFlags))
    observerEnabled = Buffer(Self.flag(true, isWide: hasWideFlags))
    super.init(dtype: dtype, isDynamic: isDynamic)
  }

  private static func flag(_ on: Bool, isWide: Bool) -> Tensor {
    let value = isWide ? Tensor(scalar: Int64(on ? 1 : 0)) : Tensor(scalar: UInt8(on ? 1 : 0))
    return Tensor(
      storage: value.storage, offset: 0, shape: [1], strides: [1], dtype: value.dtype,
      quantizer: nil)
  }

  /// Switches rounding. torch's `enable_fake_quant` and `disable_fake_quant`.
  public final func enableFakeQuant(_ on: Bool = true) {
    fakeQuantEnabled.value = Self.flag(on, isWide: fakeQuantEnabled.value.dtype == .int64)
  }

  /// Switches following ranges. torch's `enable_observer` and `disable_observer`.
  public final func enableObserver(_ on: Bool = true) {
    observerEnabled.value = Self.flag(on, isWide: observerEnabled.value.dtype == .int64)
  }

  /// True while values are rounded.
  package final var roundsValues: Bool { (try? fakeQuantEnabled.value.item()) == 1 }

  /// True while ranges are followed.
  package final var followsRanges: Bool { (try? observerEnabled.value.item()) == 1 }
}

private func forEachFakeQuantizer(_ module: Module, _ body: (FakeQuantizeBase) -> Void) {
  // Watchers belong to handles, whatever runs in their place.
  module.applyToAll { handle in
    if let fakeQuantizer = handle.current as? FakeQuantizeBase { body(fakeQuantizer) }
    if let watcher = handle.activationPostProcess as? FakeQuantizeBase { body(watcher) }
  }
}

/// Lets every fake quantizer at or below `module` round values. torch.ao.quantization.enable_fake_quant.
public func enableFakeQuant(_ module: Module) {
  forEachFakeQuantizer(module) { $0.enableFakeQuant() }
}

/// Lets every fake quantizer at or below `module` pass values as they are. torch.ao.quantization.disable_fake_quant.
public func disableFakeQuant(_ module: Module) {
  forEachFakeQuantizer(module) { $0.enableFakeQuant(false) }
}

/// Lets every fake quantizer at or below `module` follow ranges; plain observers always do.
/// torch.ao.quantization.enable_observer.
public func enableObserver(_ module: Module) {
  forEachFakeQuantizer(module) { $0.enableObserver() }
}

/// Freezes the parameters of every fake quantizer at or below `module`; plain observers go on.
/// torch.ao.quantization.disable_observer.
public func disableObserver(_ module: Module) {
  forEachFakeQuantizer(module) { $0.enableObserver(false) }
}
