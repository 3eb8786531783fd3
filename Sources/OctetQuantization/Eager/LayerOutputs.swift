import Foundation
import OctetNN
import OctetTensor

/// How far a layer's outputs in one model are from those in another.
public struct LayerDifference: Sendable, Equatable, CustomStringConvertible {
  /// The layer's dotted path.
  public let path: String
  /// 10 log10(Σ x² / Σ (x - y)²) in decibels, sums in double: infinite where nothing differs, NaN where outputs aren't numbers.
  /// torch.ao.ns.fx.utils.compute_sqnr.
  public let signalToNoise: Double
  /// max |x - y|.
  public let largestDifference: Double

  /// The path, the ratio and the largest difference in words.
  public var description: String {
    if signalToNoise.isNaN { return "\(path): outputs aren't numbers" }
    if signalToNoise == .infinity { return "\(path): no difference" }
    return path + String(format: ": %.1f dB, at most %.3g", signalToNoise, largestDifference)
  }
}

/// What the layers of a model give for some data, to be held against another model or another form of the same one.
/// torch.ao.ns `compare_model_outputs`.
///
/// All outputs are kept in float32 until this is released.
public struct LayerOutputs {
  /// Paths in the order in which their layers first ran.
  public private(set) var paths: [String] = []
  private var values: [String: [[Float]]] = [:]

  /// Runs `model` as it stands on each batch. Observers and ranges don't move meanwhile, but batch norms in training mode do.
  ///
  /// - Parameters:
  ///   - paths: the layers to follow; nil for all that have no layers below them.
  /// - Throws: `invalidArgument` naming a path that leads nowhere, and what the model throws.
  public init(of model: Module, at paths: [String]? = nil, for batches: [Tensor]) throws {
    let found = try Self.handles(of: model, at: paths)
    let log = Log()
    let still = Stillness(model)
    for (path, handle) in found {
      handle.postHooks.append(
        ModuleHook { _, output in
          try log.note(path, output)
          return output
        })
    }
    defer {
      for (_, handle) in found { handle.postHooks.removeLast() }
      still.end()
    }
    for batch in batches { _ = try model.evaluate(batch) }
    self.paths = log.paths
    values = log.values
  }

  /// What layers of both differ by, in the order of this one; layers whose outputs have other counts of elements are left out.
  public func differences(to other: LayerOutputs) -> [LayerDifference] {
    paths.compactMap { path in
      guard let mine = values[path], let theirs = other.values[path],
        mine.map(\.count) == theirs.map(\.count)
      else { return nil }
      return difference(path, mine, theirs)
    }
  }

  private func difference(_ path: String, _ mine: [[Float]], _ theirs: [[Float]])
    -> LayerDifference
  {
    var (signal, noise, largest) = (0.0, 0.0, 0.0)
    for (x, y) in zip(mine, theirs) {
      for (a, b) in zip(x, y) {
        let distance = a == b ? 0 : Double(a) - Double(b)
        signal += Double(a) * Double(a)
        noise += distance * distance
        largest = max(largest, abs(distance))
      }
    }
    return LayerDifference(
      path: path, signalToNoise: noise == 0 ? .infinity : 10 * log10(signal / noise),
      largestDifference: largest)
  }

  private static func handles(of model: Module, at paths: [String]?) throws -> [(String, Module)] {
    guard let paths else {
      return model.namedModules().compactMap { path, module in
        guard module.children.isEmpty, let handle = model.submodule(path) else { return nil }
        return (path, handle)
      }
    }
    return try paths.map { path in
      guard let handle = model.submodule(path) else {
        throw OctetError(
          .invalidArgument, operation: "LayerOutputs", argument: "paths",
          expected: "dotted paths of layers", received: "'\(path)'",
          fix: "namedModules() lists them")
      }
      return (path, handle)
    }
  }

  /// What hooks write to.
  private final class Log {
    var paths: [String] = []
    var values: [String: [[Float]]] = [:]

    func note(_ path: String, _ output: Tensor) throws {
      let real = try (output.isQuantized ? output.dequantized() : output).converted(to: .float32)
      if values[path] == nil { paths.append(path) }
      values[path, default: []].append(try real.elements())
    }
  }
}

/// Keeps observers from seeing data: what comes through a model meanwhile isn't calibration.
private struct Stillness {
  private var watchers: [(handle: Module, observer: Module)] = []
  private var followers: [FakeQuantizeBase] = []

  init(_ model: Module) {
    var found: [(Module, Module)] = []
    var fakeQuantizers: [FakeQuantizeBase] = []
    model.applyToAll { handle in
      if let inside = handle.current as? FakeQuantizeBase { fakeQuantizers.append(inside) }
      guard let watcher = handle.activationPostProcess else { return }
      if let fakeQuantizer = watcher as? FakeQuantizeBase {
        fakeQuantizers.append(fakeQuantizer)
      } else {
        found.append((handle, watcher))
      }
    }
    watchers = found
    followers = fakeQuantizers.filter(\.followsRanges)
    for (handle, _) in watchers { handle.activationPostProcess = nil }
    for fakeQuantizer in followers { fakeQuantizer.enableObserver(false) }
  }

  func end() {
    for (handle, observer) in watchers { handle.activationPostProcess = observer }
    for fakeQuantizer in followers { fakeQuantizer.enableObserver() }
  }
}
