import OctetNN
import OctetTensor
import Testing

/// Looks into the stored properties of modules: every tensor, scale and zero point there must be in the module's state.
enum FormReflection {
  static func check(_ model: Module, _ context: String) throws {
    for (path, module) in model.namedModules() {
      try check(own: module, "\(context) \(path)")
      if let observer = module.activationPostProcess {
        for (path, module) in observer.namedModules() {
          try check(own: module, "\(context) observer \(path)")
        }
      }
    }
  }

  private static func check(own module: Module, _ context: String) throws {
    let state = module.ownState().map(\.tensor)
    let known = try state.map { ($0.shape, try values($0)) }
    let numbers = Set(try state.flatMap { try parameters($0) })
    var level: Mirror? = Mirror(reflecting: module)
    while let mirror = level, mirror.subjectType != Module.self {
      for child in mirror.children {
        try look(child.value, child.label ?? "", depth: 0) { name, tensor in
          let value = (tensor.shape, try values(tensor))
          #expect(known.contains { $0 == value }, "\(context): tensor \(name) isn't in the state")
        } number: { name, number in
          #expect(numbers.contains(number), "\(context): \(name) isn't in the state")
        }
      }
      level = mirror.superclassMirror
    }
  }

  /// Visits tensors, scales and zero points at and below a value; other modules have a state of their own.
  private static func look(
    _ value: Any, _ name: String, depth: Int, tensor: (String, Tensor) throws -> Void,
    number: (String, Double) throws -> Void
  ) throws {
    let lower = name.lowercased()
    let isParameter = lower.hasSuffix("scale") || lower.hasSuffix("zeropoint")
    switch value {
    case is Module, is PackedEmbedding: return
    case let holder as StateTensor:
      if !holder.isDropped { try tensor(name, holder.value) }
      return
    case let found as Tensor:
      try tensor(name, found)
      return
    case let found as Double where isParameter: try number(name, found)
    case let found as Int where isParameter: try number(name, Double(found))
    default: break
    }
    guard depth < 6 else { return }
    for child in Mirror(reflecting: value).children {
      try look(child.value, child.label ?? name, depth: depth + 1, tensor: tensor, number: number)
    }
  }

  private static func values(_ tensor: Tensor) throws -> [Float] {
    let real = tensor.isQuantized ? try tensor.dequantized() : tensor
    return try real.converted(to: .float32).elements()
  }

  /// The numbers that a state tensor holds or is quantized by.
  private static func parameters(_ tensor: Tensor) throws -> [Double] {
    var found = tensor.count == 1 ? try values(tensor).map(Double.init) : []
    switch tensor.quantizer?.parameters {
    case .perTensor(let scale, let zero): found += [scale, Double(zero)]
    case .perChannel(let scales, let zeros, _): found += scales + zeros.map(Double.init)
    case .perChannelFloat(let scales, let zeros, _): found += (scales + zeros).map(Double.init)
    case nil: break
    }
    return found
  }
}
