import OctetNN
import OctetTensor

/// What kind of step a configuration is for: a module's type, or a function under torch's name (`add`, `cat`, `conv2d`).
public enum ObjectType: Hashable, Sendable {
  /// Calls of modules of exactly this type.
  case module(ObjectIdentifier)
  /// Calls of a function.
  case function(String)

  /// Calls of modules of exactly this type.
  public static func type(_ type: Module.Type) -> ObjectType { .module(ObjectIdentifier(type)) }
}

/// Which configuration each step of a graph gets: by place and kind, by module path, by a pattern of paths, by kind, or for all, in
/// this order. torch.ao.quantization.QConfigMapping.
///
/// Setters give back a mapping with one more entry. An entry that is nil leaves its steps in float.
public struct QConfigMapping: Sendable, Equatable {
  /// One entry and what it is for.
  public struct Entry<Key: Sendable & Equatable>: Sendable, Equatable {
    /// What the entry is for.
    public let key: Key
    /// The configuration, nil for float.
    public let qconfig: QConfig?
  }

  /// The K-th step of a kind in a module's own forward.
  public struct Order: Sendable, Equatable {
    /// The module's path.
    public let path: String
    /// The kind of step.
    public let type: ObjectType
    /// The place among the module's steps of that kind, from 0.
    public let index: Int
  }

  /// For all that no other entry is for.
  public private(set) var global: QConfig?
  /// By kind.
  public private(set) var objectTypes: [Entry<ObjectType>] = []
  /// By a regular expression that a path starts with; the first one that matches counts.
  public private(set) var moduleNameRegexes: [Entry<String>] = []
  /// By path, with all below it.
  public private(set) var moduleNames: [Entry<String>] = []
  /// By place and kind.
  public private(set) var moduleNameObjectTypeOrders: [Entry<Order>] = []

  /// A mapping that leaves everything in float.
  public init() {}

  /// torch's `set_global`.
  public func setGlobal(_ qconfig: QConfig?) -> QConfigMapping {
    var copy = self
    copy.global = qconfig
    return copy
  }

  /// torch's `set_object_type`. A second entry for a kind replaces the first.
  public func setObjectType(_ type: ObjectType, _ qconfig: QConfig?) -> QConfigMapping {
    var copy = self
    Self.put(Entry(key: type, qconfig: qconfig), into: &copy.objectTypes)
    return copy
  }

  /// torch's `set_module_name_regex`.
  ///
  /// - Throws: `invalidConfiguration` for what isn't a regular expression.
  public func setModuleNameRegex(_ pattern: String, _ qconfig: QConfig?) throws -> QConfigMapping {
    guard (try? Regex(pattern)) != nil else {
      throw OctetError(
        .invalidConfiguration, operation: "set_module_name_regex", argument: "pattern",
        expected: "a regular expression", received: "'\(pattern)'")
    }
    var copy = self
    Self.put(Entry(key: pattern, qconfig: qconfig), into: &copy.moduleNameRegexes)
    return copy
  }

  /// torch's `set_module_name`.
  public func setModuleName(_ path: String, _ qconfig: QConfig?) -> QConfigMapping {
    var copy = self
    Self.put(Entry(key: path, qconfig: qconfig), into: &copy.moduleNames)
    return copy
  }

  /// torch's `set_module_name_object_type_order`.
  public func setModuleNameObjectTypeOrder(
    _ path: String, _ type: ObjectType, _ index: Int, _ qconfig: QConfig?
  ) -> QConfigMapping {
    var copy = self
    Self.put(
      Entry(key: Order(path: path, type: type, index: index), qconfig: qconfig),
      into: &copy.moduleNameObjectTypeOrders)
    return copy
  }

  private static func put<Key>(_ entry: Entry<Key>, into entries: inout [Entry<Key>]) {
    if let place = entries.firstIndex(where: { $0.key == entry.key }) {
      entries[place] = entry
    } else {
      entries.append(entry)
    }
  }

  /// The configuration of a step.
  ///
  /// - Parameters:
  ///   - type: its kind.
  ///   - path: the path of the module that is called, of the one that calls for functions.
  ///   - order: which step of its kind it is in the module that calls, and that module's path.
  package func qconfig(_ type: ObjectType, path: String, order: (path: String, index: Int))
    -> QConfig?
  {
    let key = Order(path: order.path, type: type, index: order.index)
    if let entry = moduleNameObjectTypeOrders.first(where: { $0.key == key }) {
      return entry.qconfig
    }
    var parent = path[...]
    while !parent.isEmpty {
      if let entry = moduleNames.first(where: { $0.key == parent }) { return entry.qconfig }
      parent = parent.lastIndex(of: ".").map { parent[..<$0] } ?? ""
    }
    for entry in moduleNameRegexes {
      // The setter has made sure that it is one.
      if let regex = try? Regex(entry.key), path.prefixMatch(of: regex) != nil {
        return entry.qconfig
      }
    }
    return objectTypes.first { $0.key == type }.map(\.qconfig) ?? global
  }
}

extension QConfigMapping {
  /// What a backend wants for static quantization. torch's `get_default_qconfig_mapping`.
  ///
  /// - Throws: `invalidConfiguration` when `version` isn't 0.
  public static func getDefault(backend: Backend = .x86, version: Int = 0) throws -> QConfigMapping
  {
    defaults(
      try .getDefaultQConfig(backend: backend, version: version), backend,
      zeroToOne: .defaultFixedQParamsRange0To1Observer,
      negativeOneToOne: .defaultFixedQParamsRangeNeg1To1Observer,
      weight: .defaultWeightObserver)
  }

  /// What a backend wants for quantization-aware training. torch's `get_default_qat_qconfig_mapping`.
  ///
  /// - Throws: `invalidConfiguration` when `version` is neither 0 nor 1.
  public static func getDefaultQAT(backend: Backend = .x86, version: Int = 1) throws
    -> QConfigMapping
  {
    defaults(
      try .getDefaultQATQConfig(backend: backend, version: version), backend,
      zeroToOne: .defaultFixedQParamsRange0To1FakeQuant,
      negativeOneToOne: .defaultFixedQParamsRangeNeg1To1FakeQuant,
      weight: .defaultWeightFakeQuant)
  }

  private static func defaults(
    _ qconfig: QConfig, _ backend: Backend, zeroToOne: ObserverFactory,
    negativeOneToOne: ObserverFactory, weight: ObserverFactory
  ) -> QConfigMapping {
    var mapping = QConfigMapping().setGlobal(qconfig)
      .setObjectType(.function("reshape"), .defaultReuseInput)
      .setObjectType(
        .type(PReLU.self),
        QConfig(
          activation: qconfig.activation, weight: QConfig.defaultQuint8Weight.weight))
    for (type, range) in Families.fixedRanges {
      let activation = range == .zeroToOne ? zeroToOne : negativeOneToOne
      mapping = mapping.setObjectType(
        type, QConfig(activation: activation, weight: qconfig.weight))
    }
    let plain = QConfig(activation: qconfig.activation, weight: .defaultPlaceholderObserver)
    for type in [ObjectType.type(LayerNorm.self), .function("layer_norm")] {
      mapping = mapping.setObjectType(type, plain)
    }
    if backend == .fbgemm || backend == .x86 {
      let whole = QConfig(activation: qconfig.activation, weight: weight)
      for type in Families.transposedTypes {
        mapping = mapping.setObjectType(.type(type), whole)
      }
    }
    return mapping
  }
}
