import OctetNN
import OctetTensor

/// One float module type and the forms that the workflows give it. A form that is nil doesn't exist.
package struct Family {
  /// Makes a form of a float module.
  typealias Form = (Module, ConversionContext) throws -> Module

  /// The float type.
  package let float: Module.Type
  /// True for modules that fusion made: their children aren't visited on their own.
  var isFused = false
  /// True when `prepare` watches the module's output.
  var isObserved = true
  /// False when an observer that saw no data is no mistake: nobody watches functions of a tensor and a number.
  var needsData = true
  /// The form made of parts that `prepare` can watch: it is installed in the float module's place, and its parts are prepared.
  /// The form's own entry says what `convert` makes of it once its parts are known; torch's custom modules.
  var quantizable: ((Module) throws -> Module)?
  /// The forms that train with a rounded weight. `convert` makes of them what it makes of the float module they give.
  package var trained: [TrainingRecipe] = []
  /// The form with fixed parameters.
  var quantized: Form?
  /// The form that quantizes activations at run time.
  var dynamic: Form?
  /// The form that computes in float32 with a weight that was quantized and dequantized.
  var reference: Form?
}

/// The forms that a family can have besides the float one.
package enum FamilyForm: String, Sendable, CaseIterable {
  /// Made of parts that can be observed.
  case quantizable
  /// Training with a rounded weight.
  case trained
  /// With fixed parameters.
  case quantized
  /// Quantizing activations at run time.
  case dynamic
  /// Computing with a weight quantized and dequantized.
  case reference
}

extension Family {
  /// Which forms there are.
  package var forms: [FamilyForm] {
    FamilyForm.allCases.filter {
      switch $0 {
      case .quantizable: quantizable != nil
      case .trained: !trained.isEmpty
      case .quantized: quantized != nil
      case .dynamic: dynamic != nil
      case .reference: reference != nil
      }
    }
  }
}

/// How a family trains for integers.
package struct TrainingRecipe {
  /// When `prepareQAT` installs a form.
  package enum Use: Sendable {
    /// Always, unless activations are to be quantized at run time.
    case activations
    /// When embeddings are to be trained too.
    case embeddings
    /// When activations are to be quantized at run time.
    case runTime
  }

  /// The form's type.
  package let type: Module.Type
  /// When it is installed.
  package let use: Use
  /// Makes the form.
  let make: (Module, QConfig) throws -> Module

  /// A recipe for a form of `Float`.
  init<Float: Module, Trained: TrainingForm>(
    _ type: Trained.Type, of _: Float.Type, _ use: Use = .activations,
    _ make: @escaping (Float, QConfig) throws -> Trained
  ) {
    self.type = type
    self.use = use
    self.make = { try make(Families.expect($0, Float.self), $1) }
  }
}

/// One sequence of float module types that becomes one module.
struct FusionPattern {
  /// The types, in order.
  let types: [Module.Type]
  /// Makes the fused module of modules of those types in evaluation mode; batch norms are folded.
  let fuse: ([Module]) throws -> Module
  /// Makes the fused module that trains on: batch norms stay. Nil when there is none.
  let fuseForTraining: (([Module]) throws -> Module)?
}

/// What makes table entries of closures about concrete types.
extension Families {
  /// A family of a float type.
  static func family<Float: Module>(
    _ type: Float.Type, isFused: Bool = false, isObserved: Bool = true, needsData: Bool = true,
    trained: [TrainingRecipe] = [],
    quantized: ((Float, ConversionContext) throws -> Module)? = nil,
    dynamic: ((Float, ConversionContext) throws -> Module)? = nil,
    reference: ((Float, ConversionContext) throws -> Module)? = nil
  ) -> Family {
    Family(
      float: type, isFused: isFused, isObserved: isObserved, needsData: needsData,
      trained: trained, quantized: erased(quantized), dynamic: erased(dynamic),
      reference: erased(reference))
  }

  private static func erased<Float: Module>(
    _ make: ((Float, ConversionContext) throws -> Module)?
  ) -> Family.Form? {
    make.map { make in { module, context in try make(expect(module, Float.self), context) } }
  }

  /// A float module that `prepare` replaces by its quantizable form.
  static func rebuilt<Float: Module>(
    _ type: Float.Type, dynamic: ((Float, ConversionContext) throws -> Module)? = nil,
    reference: ((Float, ConversionContext) throws -> Module)? = nil,
    _ quantizable: @escaping (Float) throws -> Module
  ) -> Family {
    Family(
      float: type, isObserved: false, quantizable: { try quantizable(expect($0, Float.self)) },
      dynamic: erased(dynamic), reference: erased(reference))
  }

  /// A quantizable form, whose observed parts convert on their own.
  static func rebuilding<Observable: Module>(
    _ type: Observable.Type,
    _ quantized: @escaping (Observable, ConversionContext) throws -> Module
  ) -> Family {
    Family(
      float: type, isObserved: false,
      quantized: { try quantized(expect($0, Observable.self), $1) })
  }

  /// A sequence of two types.
  static func pattern<A: Module, B: Module>(
    _ a: A.Type, _ b: B.Type, training: ((A, B) throws -> Module)?,
    _ fuse: @escaping (A, B) throws -> Module
  ) -> FusionPattern {
    FusionPattern(
      types: [a, b], fuse: { try fuse(expect($0[0], A.self), expect($0[1], B.self)) },
      fuseForTraining: training.map { fuse in
        { try fuse(expect($0[0], A.self), expect($0[1], B.self)) }
      })
  }

  /// A sequence of two types without batch norm: training and evaluation fuse alike.
  static func pattern<A: Module, B: Module>(
    _ a: A.Type, _ b: B.Type, _ fuse: @escaping (A, B) throws -> Module
  ) -> FusionPattern {
    pattern(a, b, training: fuse, fuse)
  }

  /// A sequence of a layer, a batch norm and a ReLU.
  static func pattern<A: Module, B: Module>(
    _ a: A.Type, _ b: B.Type, _: ReLU.Type, training: @escaping (A, B) throws -> Module,
    _ fuse: @escaping (A, B) throws -> Module
  ) -> FusionPattern {
    FusionPattern(
      types: [a, b, ReLU.self], fuse: { try fuse(expect($0[0], A.self), expect($0[1], B.self)) },
      fuseForTraining: { try training(expect($0[0], A.self), expect($0[1], B.self)) })
  }

  /// The module as the type that its table entry promises.
  static func expect<Float: Module>(_ module: Module, _ type: Float.Type) throws -> Float {
    guard let typed = module as? Float else {
      throw OctetError(
        .unsupportedModule, operation: "convert", expected: "a \(type)",
        received: "\(Swift.type(of: module))")
    }
    return typed
  }
}
