/// One step of the tape: what a result was computed from, and the rule that carries its gradient back.
///
/// A leaf (a tensor whose `requiresGrad` was set) has no inputs and no rule; gradients end in it. A node refers to what
/// it was computed from, never to its results, so the tape lives exactly as long as somebody holds a result.
package final class GradientNode: @unchecked Sendable {
  // A tape belongs to the task that records it; nodes are only changed by `backward` and the tensors' own properties.

  /// Carries the gradient of a result to the inputs; nil where an input needs none.
  typealias Rule = (_ gradient: Tensor) throws(OctetError) -> [Tensor?]

  /// The operator's name, for error messages.
  let name: String
  /// One more than the largest depth among the inputs: whoever is deeper goes first on the way back.
  let depth: Int
  private(set) var inputs: [GradientNode?]
  private(set) var rule: Rule?
  /// Tensors that the rule reads, with the state their storages had when they were recorded.
  private(set) var saved: [SavedTensor]
  /// What backward calls have summed up. Leaves always keep it, other nodes when `retainGradient` asked.
  var gradient: Tensor?
  var keepsGradient: Bool
  /// Called with the whole gradient of this tensor, in order; each may replace it.
  var hooks: [(id: Int, body: (Tensor) throws -> Tensor?)] = []
  var nextHook = 0

  /// A leaf.
  init() {
    name = "leaf"
    depth = 0
    inputs = []
    saved = []
    keepsGradient = true
  }

  /// A step of the tape.
  init(_ name: String, inputs: [GradientNode?], saved: [SavedTensor], rule: @escaping Rule) {
    self.name = name
    depth = 1 + (inputs.lazy.compactMap { $0?.depth }.max() ?? 0)
    self.inputs = inputs
    self.saved = saved
    self.rule = rule
    keepsGradient = false
  }

  var isLeaf: Bool { depth == 0 }

  /// True once a backward pass has let go of what the rule needs.
  var isReleased: Bool { !isLeaf && rule == nil }

  /// Lets go of the rule and what it reads; the links stay, so that the depth order does too.
  func release() {
    if isLeaf { return }
    rule = nil
    saved = []
  }

  /// Unlinks iteratively: a chain of any length frees without a call per link.
  deinit {
    var pending = inputs.compactMap { $0 }
    inputs = []
    rule = nil
    while var node = pending.popLast() {
      guard isKnownUniquelyReferenced(&node) else { continue }
      pending += node.inputs.compactMap { $0 }
      node.inputs = []
      node.rule = nil
    }
  }
}

/// A tensor that a derivative reads, and the state of its storage when it was recorded.
struct SavedTensor {
  let tensor: Tensor
  private let version: Int

  /// Remembers a tensor without its place on the tape.
  init(_ tensor: Tensor) {
    self.tensor = tensor.detached()
    version = tensor.storage.version
  }

  /// True when somebody wrote into the storage since.
  var hasChanged: Bool { tensor.storage.version != version }
}
