import OctetNN
import OctetTensor

/// One float module type and the forms that the workflows give it. A form that is nil doesn't exist.
struct Family {
  /// The float type.
  let float: Module.Type
  /// True for modules that fusion made: their children aren't visited on their own.
  var isFused = false
  /// True when `prepare` watches the module's output.
  var isObserved = true
  /// The form made of parts that `prepare` can watch: it is installed in the float module's place, and its parts are prepared.
  /// The form's own entry says what `convert` makes of it once its parts are known; torch's custom modules.
  var quantizable: ((Module) throws -> Module)?
  /// The form with fixed parameters.
  var quantized: ((Module, ConversionContext) throws -> Module)?
  /// The form that quantizes activations at run time.
  var dynamic: ((Module, ConversionContext) throws -> Module)?
}

/// One sequence of float module types that becomes one module.
struct FusionPattern {
  /// The types, in order.
  let types: [Module.Type]
  /// Makes the fused module of modules of those types.
  let fuse: ([Module]) throws -> Module
}

/// The table of module families: nothing else enumerates modules.
enum Families {
  /// Every family.
  nonisolated(unsafe) static let all: [Family] = [
    family(QuantStub.self, quantized: { _, context in try Quantized.Quantize(context) }),
    Family(
      float: DeQuantStub.self, isObserved: false,
      quantized: { _, _ in Quantized.DeQuantize() }),

    family(
      Linear.self, quantized: { try Quantized.Linear($0, $1) },
      dynamic: { try Dynamic.Linear($0, $1) }),
    family(
      Fused.LinearReLU.self, isFused: true,
      quantized: { try Quantized.LinearReLU($0.linear, $1) },
      dynamic: { try Dynamic.LinearReLU($0.linear, $1) }),

    family(Conv1d.self, quantized: { try Quantized.Conv1d($0, $1) }),
    family(Conv2d.self, quantized: { try Quantized.Conv2d($0, $1) }),
    family(Conv3d.self, quantized: { try Quantized.Conv3d($0, $1) }),
    family(
      Fused.ConvReLU1d.self, isFused: true,
      quantized: { try Quantized.ConvReLU1d($0.convolution, $1) }),
    family(
      Fused.ConvReLU2d.self, isFused: true,
      quantized: { try Quantized.ConvReLU2d($0.convolution, $1) }),
    family(
      Fused.ConvReLU3d.self, isFused: true,
      quantized: { try Quantized.ConvReLU3d($0.convolution, $1) }),

    family(
      Fused.LinearLeakyReLU.self, isFused: true,
      quantized: { try Quantized.LinearLeakyReLU($0, $1) }),
    family(
      Fused.LinearTanh.self, isFused: true, quantized: { try Quantized.LinearTanh($0.linear, $1) }),
    family(
      Fused.ConvAdd2d.self, isFused: true,
      quantized: { try Quantized.ConvAdd2d($0.convolution, $1) }),
    family(
      Fused.ConvAddReLU2d.self, isFused: true,
      quantized: { try Quantized.ConvAddReLU2d($0.convolution, $1) }),
    family(ConvTranspose1d.self, quantized: { try Quantized.ConvTranspose1d($0, $1) }),
    family(ConvTranspose2d.self, quantized: { try Quantized.ConvTranspose2d($0, $1) }),
    family(ConvTranspose3d.self, quantized: { try Quantized.ConvTranspose3d($0, $1) }),

    family(FloatFunctional.self, quantized: { _, context in try Quantized.QFunctional(context) }),
    family(ReLU6.self, quantized: { _, _ in Quantized.ReLU6() }),
    family(Hardswish.self, quantized: { _, context in try Quantized.Hardswish(context) }),
    family(LeakyReLU.self, quantized: { try Quantized.LeakyReLU($0, $1) }),
    family(ELU.self, quantized: { try Quantized.ELU($0, $1) }),
    family(Softmax.self, quantized: { try Quantized.Softmax($0, $1) }),
    family(PReLU.self, quantized: { try Quantized.PReLU($0, $1) }),
    Family(
      float: Dropout.self, isObserved: false, quantized: { _, _ in Quantized.Dropout() }),
    family(BatchNorm2d.self, quantized: { try Quantized.BatchNorm2d($0, $1) }),
    family(BatchNorm3d.self, quantized: { try Quantized.BatchNorm3d($0, $1) }),
    family(
      Fused.BNReLU2d.self, isFused: true, quantized: { try Quantized.BNReLU2d($0.norm, $1) }),
    family(
      Fused.BNReLU3d.self, isFused: true, quantized: { try Quantized.BNReLU3d($0.norm, $1) }),
    family(LayerNorm.self, quantized: { try Quantized.LayerNorm($0, $1) }),
    family(GroupNorm.self, quantized: { try Quantized.GroupNorm($0, $1) }),
    family(InstanceNorm1d.self, quantized: { try Quantized.InstanceNorm1d($0, $1) }),
    family(InstanceNorm2d.self, quantized: { try Quantized.InstanceNorm2d($0, $1) }),
    family(InstanceNorm3d.self, quantized: { try Quantized.InstanceNorm3d($0, $1) }),
    family(
      LSTM.self, isObserved: false, quantizable: { try Quantizable.LSTM($0) },
      dynamic: { try Dynamic.LSTM($0, $1) }),
    family(Quantizable.LSTM.self, isObserved: false, quantized: { Quantized.LSTM($0, $1) }),
    family(GRU.self, isObserved: false, dynamic: { try Dynamic.GRU($0, $1) }),
    family(RNNCell.self, isObserved: false, dynamic: { try Dynamic.RNNCell($0, $1) }),
    family(LSTMCell.self, isObserved: false, dynamic: { try Dynamic.LSTMCell($0, $1) }),
    family(GRUCell.self, isObserved: false, dynamic: { try Dynamic.GRUCell($0, $1) }),
    family(Embedding.self, quantized: { try Quantized.Embedding($0, $1) }),
    family(EmbeddingBag.self, quantized: { try Quantized.EmbeddingBag($0, $1) }),
  ]

  /// Every sequence that `fuseModules` knows.
  nonisolated(unsafe) static let fusions: [FusionPattern] = [
    pattern(Conv1d.self, BatchNorm1d.self) { try folded($0, $1) },
    pattern(Conv2d.self, BatchNorm2d.self) { try folded($0, $1) },
    pattern(Conv3d.self, BatchNorm3d.self) { try folded($0, $1) },
    pattern(Conv1d.self, BatchNorm1d.self, ReLU.self) { conv, norm, _ in
      try Fused.ConvReLU1d(folded(conv, norm))
    },
    pattern(Conv2d.self, BatchNorm2d.self, ReLU.self) { conv, norm, _ in
      try Fused.ConvReLU2d(folded(conv, norm))
    },
    pattern(Conv3d.self, BatchNorm3d.self, ReLU.self) { conv, norm, _ in
      try Fused.ConvReLU3d(folded(conv, norm))
    },
    pattern(Conv1d.self, ReLU.self) { conv, _ in try Fused.ConvReLU1d(conv) },
    pattern(Conv2d.self, ReLU.self) { conv, _ in try Fused.ConvReLU2d(conv) },
    pattern(Conv3d.self, ReLU.self) { conv, _ in try Fused.ConvReLU3d(conv) },
    pattern(Linear.self, ReLU.self) { linear, _ in try Fused.LinearReLU(linear) },
    pattern(Linear.self, BatchNorm1d.self) { try folded($0, $1) },
    pattern(ConvTranspose1d.self, BatchNorm1d.self) { try folded($0, $1) },
    pattern(ConvTranspose2d.self, BatchNorm2d.self) { try folded($0, $1) },
    pattern(ConvTranspose3d.self, BatchNorm3d.self) { try folded($0, $1) },
    pattern(BatchNorm2d.self, ReLU.self) { norm, _ in Fused.BNReLU2d(norm) },
    pattern(BatchNorm3d.self, ReLU.self) { norm, _ in Fused.BNReLU3d(norm) },
  ]

  /// The family of a module, nil for types the table doesn't list.
  static func family(of module: Module) -> Family? {
    all.first { type(of: module) == $0.float }
  }

  private static func family<Float: Module>(
    _ type: Float.Type, isFused: Bool = false, isObserved: Bool = true,
    quantizable: ((Float) throws -> Module)? = nil,
    quantized: ((Float, ConversionContext) throws -> Module)? = nil,
    dynamic: ((Float, ConversionContext) throws -> Module)? = nil
  ) -> Family {
    func erased(_ make: ((Float, ConversionContext) throws -> Module)?)
      -> ((Module, ConversionContext) throws -> Module)?
    {
      make.map { make in
        { module, context in try make(expect(module, Float.self), context) }
      }
    }
    return Family(
      float: type, isFused: isFused, isObserved: isObserved,
      quantizable: quantizable.map { make in { try make(expect($0, Float.self)) } },
      quantized: erased(quantized), dynamic: erased(dynamic))
  }

  private static func pattern<A: Module, B: Module>(
    _ a: A.Type, _ b: B.Type, _ fuse: @escaping (A, B) throws -> Module
  ) -> FusionPattern {
    FusionPattern(types: [a, b]) { try fuse(expect($0[0], A.self), expect($0[1], B.self)) }
  }

  private static func pattern<A: Module, B: Module, C: Module>(
    _ a: A.Type, _ b: B.Type, _ c: C.Type, _ fuse: @escaping (A, B, C) throws -> Module
  ) -> FusionPattern {
    FusionPattern(types: [a, b, c]) {
      try fuse(expect($0[0], A.self), expect($0[1], B.self), expect($0[2], C.self))
    }
  }

  private static func expect<Float: Module>(_ module: Module, _ type: Float.Type) throws -> Float {
    guard let typed = module as? Float else {
      throw OctetError(
        .unsupportedModule, operation: "convert", expected: "a \(type)",
        received: "\(Swift.type(of: module))")
    }
    return typed
  }
}
