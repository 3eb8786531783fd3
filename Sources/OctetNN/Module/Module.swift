import OctetTensor

/// The base of every layer and model. torch.nn.Module.
///
/// Subclasses override `forward`; users call the module itself. Children and state are found by reflection: plain stored
/// properties are enough.
///
/// A module that a user stores is a *handle*. `fuseModules`, `prepare` and `convert` install a successor that runs in its
/// place, so a model keeps `let conv1 = Conv2d(...)` through its whole life; `current` is what runs now.
open class Module {
  /// The dotted name's last part under the parent, known once the parent was traversed.
  package internal(set) var label = ""
  private var labelled = false
  /// What runs in this module's place.
  final var successor: Module?

  /// True while layers such as dropout and batch norm are in their training form.
  public internal(set) var isTraining = true

  /// Runs before `forward`, in order; each may replace the input. torch's forward pre-hooks.
  public var preHooks: [ModuleHook] = []

  /// Runs after `forward`, in order; each may replace the output. torch's forward hooks.
  public var postHooks: [ModuleHook] = []

  /// The observer or fake quantizer that watches this module's output. torch's `activation_post_process`.
  package var activationPostProcess: Module?

  /// True when the observer watches the input instead: what is quantized at run time.
  package var watchesInput = false

  /// What other floors attach to a module, by their own keys.
  package var attachments: [ObjectIdentifier: Any] = [:]

  /// Creates a module in training mode.
  public init() {}

  /// Computes the module's output. Subclasses override this and call children as functions.
  ///
  /// An override needn't throw: eager calls inside it trap on mistakes, or leave them to `collectingErrors`.
  open func forward(_ input: Tensor) throws -> Tensor {
    throw OctetError(
      .unsupportedModule, operation: "forward", expected: "a module that overrides forward",
      received: "\(type(of: self))")
  }

  /// Runs the module, trapping on mistakes unless inside `collectingErrors`.
  public final func callAsFunction(_ input: Tensor) -> Tensor { reporting { try run(input) } }

  /// Runs the module; the first mistake anywhere inside is thrown with the module's path. In evaluation mode nothing is
  /// recorded on the tape.
  public final func evaluate(_ input: Tensor) throws -> Tensor {
    try collectingErrors { unrecordedUnlessTraining { callAsFunction(input) } }
  }

  /// Runs `body`, without recording in evaluation mode.
  final func unrecordedUnlessTraining<Output>(_ body: () -> Output) -> Output {
    isTraining ? body() : noGrad(body)
  }

  /// Runs `body` as an eager call of this module: its label comes into the path of the first mistake inside.
  final func reporting(_ body: () throws -> Tensor) -> Tensor {
    reporting(orElse: Tensor.placeholder, body)
  }

  private func reporting<Output>(
    orElse placeholder: @autoclosure () -> Output, _ body: () throws -> Output
  ) -> Output {
    let box = ExecutionMode.current.errors
    let hadError = box?.first != nil
    let output = eager(orElse: placeholder(), body)
    if let error = box?.first, !hadError, !label.isEmpty {
      box?.first = error.inside(label)
    }
    return output
  }

  /// The call path of modules whose arguments or results aren't one tensor: runs `body` on what runs in this module's place,
  /// which must be a `form`. Hooks and observers, which see single tensors, don't take part.
  package final func running<Form: Module, Output>(
    _ form: Form.Type, orElse placeholder: @autoclosure () -> Output,
    _ body: (Form) throws -> Output
  ) -> Output {
    labelChildrenOnce()
    return reporting(orElse: placeholder()) {
      guard let target = current as? Form else {
        throw OctetError(
          .unsupportedModule, operation: "forward", argument: "self",
          expected: "a \(form) in this module's place", received: "\(Swift.type(of: current))")
      }
      return try body(target)
    }
  }

  /// What runs in this module's place, when that is a `form` and nobody looks at the call: no hook, no observer, no recorder. Whoever
  /// calls several such modules may have them computed in one kernel that gives the same bits.
  package final func unwatched<Form>(as form: Form.Type) -> Form? {
    let target = current
    guard ExecutionMode.recorder == nil, isUnwatched, target.isUnwatched else { return nil }
    return target as? Form
  }

  private var isUnwatched: Bool {
    preHooks.isEmpty && postHooks.isEmpty && activationPostProcess == nil
  }

  /// The one call path: pre-hooks, the successor or the module itself, the observer, post-hooks.
  private func run(_ input: Tensor) throws -> Tensor {
    guard let recorder = ExecutionMode.recorder else { return try runHere(input) }
    let call = recordedCall(input)
    return try recorder.record(call, of: self) { recordedResults(try runHere(input)) }
      .first ?? .placeholder
  }

  /// How a recorder sees the call under way with this input. Modules whose calls carry more than one tensor override it.
  func recordedCall(_ input: Tensor) -> any RecordedCall { UnaryCall(input: input) }

  /// All results of the call under way, which gives `output` to its caller.
  func recordedResults(_ output: Tensor) -> [Tensor] { [output] }

  private func runHere(_ input: Tensor) throws -> Tensor {
    labelChildrenOnce()
    var value = input
    for hook in preHooks { value = try hook.body(self, value) }
    if watchesInput, let activationPostProcess { value = try activationPostProcess.run(value) }
    if let successor {
      value = try successor.run(value)
    } else {
      value = try forward(value)
    }
    return try watched(value)
  }

  /// The end of the call path: what the observer and the post-hooks make of an output.
  final func watched(_ output: Tensor) throws -> Tensor {
    var value = output
    if !watchesInput, let activationPostProcess { value = try activationPostProcess.run(value) }
    for hook in postHooks { value = try hook.body(self, value) }
    return value
  }

  // MARK: Successors

  /// What runs when this module is called: the module itself, or what fuse, prepare or convert installed.
  public final var current: Module { successor ?? represented }

  /// The module whose type, children and state count as this one's: itself, but for stand-ins.
  var represented: Module { self }

  /// The installed module as `type`, nil when it is something else.
  public final func current<Other: Module>(as type: Other.Type) -> Other? { current as? Other }

  /// Installs `module` to run in this one's place, replacing an earlier successor. The chain is never longer than one.
  ///
  /// - Throws: `unsupportedModule` when `module` is this one or contains it: a successor takes parameters, never its handle.
  package func become(_ module: Module) throws(OctetError) {
    guard !module.contains(self) else {
      throw OctetError(
        .unsupportedModule, operation: "become", argument: "module",
        expected: "a successor that doesn't hold the module it replaces",
        received: "\(Swift.type(of: module))", modulePath: label)
    }
    successor = module.successor ?? module
    successor?.label = label
    successor?.setTraining(isTraining)
  }

  private func contains(_ other: Module) -> Bool {
    self === other || (successor?.contains(other) ?? false)
      || ownChildren().contains { $0.module.contains(other) }
  }

  // MARK: Children

  /// The direct children of what runs now, in declaration order, under torch's names.
  public final var children: [(name: String, module: Module)] {
    let found = current.ownChildren()
    label(found)
    return found
  }

  /// False for containers that are never called: their own label stands in front of their children's.
  var isCalled: Bool { true }

  private func label(_ children: [(name: String, module: Module)]) {
    for (name, child) in children {
      child.label = isCalled || label.isEmpty ? name : "\(label).\(name)"
      if !child.isCalled { child.label(child.ownChildren()) }
    }
  }

  final func labelChildrenOnce() {
    if labelled { return }
    label(ownChildren())
    labelled = true
  }

  /// The children held by stored properties. Containers that name theirs differently override this.
  open func ownChildren() -> [(name: String, module: Module)] {
    reflected().flatMap { name, value in Self.modules(in: value, name) }
  }

  private static func modules(in value: Any, _ name: String) -> [(name: String, module: Module)] {
    switch value {
    case let module as Module: [(name, module)]
    case let list as [Module]: list.enumerated().map { ("\(name).\($0)", $1) }
    case let named as [String: Module]:
      named.sorted { $0.key < $1.key }.map { ("\(name).\($0.key)", $0.value) }
    case let optional as Module?: optional.map { [(name, $0)] } ?? []
    default: []
    }
  }

  /// Stored properties from the topmost subclass of `Module` down, under torch's names.
  private func reflected() -> [(name: String, value: Any)] {
    var mirrors: [Mirror] = []
    var mirror: Mirror? = Mirror(reflecting: self)
    while let level = mirror, level.subjectType != Module.self {
      mirrors.append(level)
      mirror = level.superclassMirror
    }
    return mirrors.reversed().flatMap { level in
      level.children.compactMap { child in
        child.label.map {
          (torchName($0.hasPrefix("_") ? String($0.dropFirst()) : $0), child.value)
        }
      }
    }
  }

  // MARK: State

  /// The state tensors held by stored properties of this module alone.
  package final func ownStateTensors() -> [(name: String, tensor: StateTensor)] {
    reflected().flatMap { name, value -> [(name: String, tensor: StateTensor)] in
      switch value {
      case let tensor as StateTensor: [(name, tensor)]
      case let table as ParameterTable: table.entries.map { ($0.name, $0.parameter) }
      case let table as StateTable: table.entries
      default: []
      }
    }
  }

  /// The groups of state tensors held by stored properties of this module alone.
  package final func ownStateGroups() -> [any StateGroup] {
    reflected().compactMap { $0.value as? any StateGroup }
  }

  /// The tensors of this module alone that a state dictionary lists: those of stored properties.
  package final func ownState() -> [(name: String, tensor: Tensor)] {
    var last: [(name: String, tensor: Tensor)] = []
    let entries = reflected().flatMap { name, value -> [(name: String, tensor: Tensor)] in
      switch value {
      case let tensor as StateTensor: return tensor.isDropped ? [] : [(name, tensor.value)]
      case let table as ParameterTable:
        return table.entries.filter { !$0.parameter.isDropped }
          .map { ($0.name, $0.parameter.value) }
      case let table as StateTable:
        return table.entries.filter { !$0.tensor.isDropped }.map { ($0.name, $0.tensor.value) }
      case let group as any StateGroup:
        if !group.comesLast { return group.entries }
        last += group.entries
        return []
      default: return []
      }
    }
    return entries + last
  }

  /// Refuses what isn't a state of this module though each tensor has the shape and type of the one it replaces. Nothing is changed
  /// yet; names that aren't given stay as they are.
  open func checkOwnState(_ state: [String: Tensor]) throws {}

  /// True for state whose shape follows the data, such as per-channel ranges.
  open func acceptsAnyShape(_ name: String) -> Bool { false }

  // MARK: Copies

  /// A module of this one's type and arguments, for `copy`, which then gives it this one's state, mode, hooks, observers and
  /// successor.
  ///
  /// Modules with arguments or children of their own override this. `copier(x)` is the copy of a child or parameter; what the new
  /// module has created by itself is fine too, and takes over the state of its counterpart here.
  ///
  /// - Throws: `unsupportedModule` for types that don't override it.
  open func makeCopy(_ copier: ModuleCopier) throws -> Module {
    throw OctetError(
      .unsupportedModule, operation: "copy", argument: "self",
      expected: "a module that overrides makeCopy", received: "\(type(of: self))",
      fix: "override makeCopy to return a new \(type(of: self)) with the same arguments",
      modulePath: label)
  }

  /// What printing shows inside the parentheses behind the type. torch's `extra_repr`.
  open var details: String { "" }

  // MARK: Mode

  /// Sets training mode here and in every child. torch's `train()`.
  @discardableResult
  public final func train(_ on: Bool = true) -> Self {
    setTraining(on)
    return self
  }

  /// Sets evaluation mode here and in every child. torch's `eval()`.
  @discardableResult
  public final func eval() -> Self { train(false) }

  /// Whether `train` and `eval` reach the children. Modules that hold some of them in one mode override it.
  open var passesModeOn: Bool { true }

  private func setTraining(_ on: Bool) {
    isTraining = on
    if passesModeOn {
      for (_, child) in ownChildren() { child.setTraining(on) }
    }
    successor?.setTraining(on)
    activationPostProcess?.setTraining(on)
  }
}

/// A function that sees a module's input or output and may replace it.
public struct ModuleHook {
  /// Who installed it, so that it can be found and removed.
  package let owner: ObjectIdentifier?
  let body: (Module, Tensor) throws -> Tensor

  /// A hook that gives back what it gets, or something else.
  public init(_ body: @escaping (Module, Tensor) throws -> Tensor) {
    owner = nil
    self.body = body
  }

  package init(owner: ObjectIdentifier, _ body: @escaping (Module, Tensor) throws -> Tensor) {
    self.owner = owner
    self.body = body
  }
}
