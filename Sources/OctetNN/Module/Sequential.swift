import OctetTensor

/// Modules one after the other, named "0", "1", ..., or as they are told. torch.nn.Sequential.
public final class Sequential: Module {
  private let modules: [(name: String, module: Module)]

  /// Runs `modules` in order.
  public convenience init(_ modules: Module...) { self.init(modules) }

  /// Runs `modules` in order.
  public convenience init(_ modules: [Module]) {
    self.init(named: modules.enumerated().map { ("\($0)", $1) })
  }

  /// Runs modules under names of their own, in order. Traps on a name that comes twice. torch's `Sequential(OrderedDict(...))`.
  public convenience init(_ modules: KeyValuePairs<String, Module>) {
    self.init(named: modules.map { ($0.key, $0.value) })
  }

  private init(named modules: [(name: String, module: Module)]) {
    let names = Set(modules.map(\.name))
    precondition(
      names.count == modules.count,
      "Sequential: modules: expected a name for each, received \(modules.map(\.name))")
    self.modules = modules
  }

  /// The number of modules.
  public var count: Int { modules.count }

  /// The handle at a position.
  public subscript(index: Int) -> Module { modules[index].module }

  /// The handle of a name.
  public subscript(name: String) -> Module? { modules.first { $0.name == name }?.module }

  public override func ownChildren() -> [(name: String, module: Module)] { modules }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Sequential(named: try modules.map { ($0.name, try copier($0.module)) })
  }

  public override func forward(_ input: Tensor) -> Tensor {
    modules.reduce(input) { $1.module($0) }
  }
}

/// Gives back its input. torch.nn.Identity.
public final class Identity: Module {
  /// Creates the module.
  public override init() {}

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Identity() }

  public override func forward(_ input: Tensor) -> Tensor { input }
}

/// Modules by place, named "0", "1", ...: for models that call them themselves. torch.nn.ModuleList.
public final class ModuleList: Module {
  private var modules: [Module]

  /// Holds `modules`.
  public init(_ modules: [Module] = []) { self.modules = modules }

  override var isCalled: Bool { false }

  /// The number of modules.
  public var count: Int { modules.count }

  /// The handle at a position.
  public subscript(index: Int) -> Module { modules[index] }

  /// Adds a module behind the others.
  public func append(_ module: Module) { modules.append(module) }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    ModuleList(try modules.map { try copier($0) })
  }

  public override func ownChildren() -> [(name: String, module: Module)] {
    modules.enumerated().map { ("\($0)", $1) }
  }
}

extension ModuleList: Swift.Sequence {
  /// The handles in order.
  public func makeIterator() -> IndexingIterator<[Module]> { modules.makeIterator() }
}

/// Modules by name, in the order they were added: for models that call them themselves. torch.nn.ModuleDict.
public final class ModuleDict: Module {
  private var modules: [(name: String, module: Module)] = []

  /// Holds `modules`; the last one of a name wins.
  public init(_ modules: KeyValuePairs<String, Module> = [:]) {
    super.init()
    for (name, module) in modules { self[name] = module }
  }

  override var isCalled: Bool { false }

  /// The names, in order.
  public var names: [String] { modules.map(\.name) }

  /// The handle of a name. Setting nil removes it.
  public subscript(name: String) -> Module? {
    get { modules.first { $0.name == name }?.module }
    set {
      let place = modules.firstIndex { $0.name == name }
      switch (place, newValue) {
      case (let place?, let module?): modules[place].module = module
      case (let place?, nil): modules.remove(at: place)
      case (nil, let module?): modules.append((name, module))
      case (nil, nil): break
      }
    }
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    let copy = ModuleDict()
    copy.modules = try modules.map { (name: $0.name, module: try copier($0.module)) }
    return copy
  }

  public override func ownChildren() -> [(name: String, module: Module)] { modules }
}
