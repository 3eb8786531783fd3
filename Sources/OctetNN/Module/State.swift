import OctetTensor

/// A tensor that a module owns under a name: what its state dictionary lists.
open class StateTensor {
  private var stored: Tensor?

  /// Wraps a tensor, off the tape.
  public required init(_ value: Tensor) { stored = held(value) }

  /// What stands for a tensor here: the same elements off the tape. Parameters make it a leaf.
  func held(_ value: Tensor) -> Tensor { value.requiresGrad ? value.detached() : value }

  /// The tensor; what is set is taken off the tape. Reading it after `convert` has moved it into a quantized module traps.
  public final var value: Tensor {
    get {
      guard let stored else {
        fatalError(
          """
          this tensor was moved into the module's converted form; read it from `module.current` instead
          """)
      }
      return stored
    }
    set { stored = held(newValue) }
  }

  /// True after `drop`.
  public var isDropped: Bool { stored == nil }

  /// Lets go of the memory: conversion has taken what it needs.
  package func drop() { stored = nil }
}

/// A tensor that training changes: a leaf of the tape. torch.nn.Parameter.
public final class Parameter: StateTensor {
  /// Whether gradients reach it; false freezes it. torch's `requires_grad`.
  public var requiresGrad = true {
    didSet { if !isDropped, value.dtype.isFloatingPoint { value.requiresGrad = requiresGrad } }
  }

  /// What `backward` has summed up, nil before and after `zeroGradients`. torch's `grad`.
  public var gradient: Tensor? {
    get { isDropped ? nil : value.gradient }
    set { if !isDropped { value.gradient = newValue } }
  }

  override func held(_ value: Tensor) -> Tensor {
    let leaf = value.detached()
    if requiresGrad, leaf.dtype.isFloatingPoint { leaf.requiresGrad = true }
    return leaf
  }
}

/// Several tensors of a module's state in one stored property: packed weights with their bias, an output's scale and zero point.
/// Found by reflection, as single tensors are.
package protocol StateGroup: AnyObject {
  /// The tensors by the names that the module's state lists.
  var entries: [(name: String, tensor: Tensor)] { get }

  /// True for what torch lists behind the module's other state.
  var comesLast: Bool { get }

  /// True for an entry whose shape follows the data.
  func acceptsAnyShape(_ name: String) -> Bool

  /// True for an entry that may have another element type than now.
  func acceptsAnyType(_ name: String) -> Bool

  /// Takes entries, or throws and stays as it is; names that aren't given keep their tensors.
  ///
  /// - Parameter isTrial: only tells whether the entries could be taken.
  func load(_ state: [String: Tensor], isTrial: Bool) throws

  /// Lets go of what can be made of the entries again.
  func releaseCache()
}

extension StateGroup {
  package var comesLast: Bool { false }
  package func acceptsAnyShape(_ name: String) -> Bool { false }
  package func acceptsAnyType(_ name: String) -> Bool { false }
  package func releaseCache() {}
}

/// A tensor that is part of a module's state but isn't trained: running statistics, observed ranges, scales.
public final class Buffer: StateTensor {}

/// Parameters whose names and number depend on a layer's arguments (`weight_ih_l0`, `weight_ih_l1`): a module that stores a table
/// has all of them in its state, under these names.
public struct ParameterTable {
  /// Name and parameter, in order.
  public let entries: [(name: String, parameter: Parameter)]
  private let places: [String: Int]

  /// A table of these entries; the first one of a name is found.
  public init(_ entries: [(name: String, parameter: Parameter)]) {
    self.entries = entries
    places = Dictionary(entries.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  /// The parameter of a name.
  public subscript(name: String) -> Parameter? { places[name].map { entries[$0].parameter } }
}

/// Tensors of a module's state whose names and number aren't known before: a module that stores a table has all of them in its state.
package struct StateTable {
  /// Name and tensor, in order.
  package let entries: [(name: String, tensor: StateTensor)]

  /// A table of these entries.
  package init(_ entries: [(name: String, tensor: StateTensor)]) { self.entries = entries }
}

/// Tensors by dotted name, in the order modules list them. torch's `state_dict()`.
public struct StateDictionary {
  /// Name and tensor, in order.
  public private(set) var entries: [(name: String, tensor: Tensor)] = []
  private var places: [String: Int] = [:]

  /// An empty dictionary.
  public init() {}

  /// A dictionary from name–tensor pairs; the last one of a name wins.
  public init(_ pairs: some Sequence<(String, Tensor)>) {
    for (name, tensor) in pairs { self[name] = tensor }
  }

  /// The names, in order.
  public var names: [String] { entries.map(\.name) }

  /// The tensor of a name. Setting nil removes it.
  public subscript(name: String) -> Tensor? {
    get { places[name].map { entries[$0].tensor } }
    set {
      switch (places[name], newValue) {
      case (let place?, let tensor?): entries[place].tensor = tensor
      case (nil, let tensor?):
        places[name] = entries.count
        entries.append((name, tensor))
      case (let place?, nil):
        entries.remove(at: place)
        places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
      case (nil, nil): break
      }
    }
  }

  /// Bytes that all elements take.
  public var byteCount: Int {
    entries.reduce(0) { $0 + ($1.tensor.count * $1.tensor.dtype.bitWidth + 7) / 8 }
  }
}

/// The loss-free spelling of a Swift property in torch's state: `runningMean` is `running_mean`.
package func torchName(_ property: String) -> String {
  var result = ""
  for character in property {
    if character.isUppercase {
      result += "_" + character.lowercased()
    } else {
      result.append(character)
    }
  }
  return result
}
