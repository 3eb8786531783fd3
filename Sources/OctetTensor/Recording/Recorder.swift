/// Who is told what a task computes: operators as `apply` has run them, modules as they are called.
///
/// A recorder runs with the task that it records. Nothing inside an operator's own evaluation is recorded, and nothing inside a
/// module that the recorder takes as one step.
package protocol Recorder: AnyObject {
  /// An operator has made `result`, a tensor of its own.
  func record(_ op: any Operator, _ inputs: [Tensor], _ result: Tensor) throws(OctetError)

  /// A module is called: runs `body`, and answers with its results or with stand-ins for them.
  func record(_ call: any RecordedCall, of module: AnyObject, _ body: () throws -> [Tensor]) throws
    -> [Tensor]

  /// What is recorded inside `body` is the function of this name.
  func record<Result>(
    function: String, _ body: () throws(OctetError) -> Result
  ) throws(OctetError) -> Result

  /// Somebody wants the elements of `tensor` as Swift values, or to change them in place.
  ///
  /// - Throws: `untraceable` when they depend on the inputs: what follows may, too.
  func checkAccess(to tensor: Tensor, _ operation: String) throws(OctetError)
}

/// How a module was called: what it got, and how to call another one of its kind the same way.
package protocol RecordedCall: Sendable {
  /// The tensors of the call, in the order that `run` takes them; nil for what was left out.
  var inputs: [Tensor?] { get }

  /// The names of `count` results, after the name of the call: empty for the one result of most modules.
  func suffixes(_ count: Int) -> [String]

  /// The call without its tensors.
  func detached() -> any RecordedCall

  /// Calls `module` in the same way on other tensors.
  func run(_ module: AnyObject, _ inputs: [Tensor?]) throws -> [Tensor]
}

/// An operator that takes one element of its input: the value is named after it, `x[2]`.
package protocol IndexingOperator: Operator {
  /// The place along the first dimension, nil along others.
  var element: Int? { get }
}

extension RecordedCall {
  package func suffixes(_ count: Int) -> [String] {
    count == 1 ? [""] : (0..<count).map { "[\($0)]" }
  }
}

extension Tensor {
  /// Tells the task's recorder that elements leave the world of tensors.
  @inline(__always)
  func checkRecordedAccess(_ operation: String) throws(OctetError) {
    if let recorder = ExecutionMode.recorder {
      try recorder.checkAccess(to: self, operation)
    }
  }
}

/// Runs `body`, which some recorder sees as the function of a name that has several results or is made of several operators.
package func recorded<Result>(
  as function: String, _ body: () throws(OctetError) -> Result
) throws(OctetError) -> Result {
  guard let recorder = ExecutionMode.recorder else { return try body() }
  return try recorder.record(function: function, body)
}

/// Runs `body` without telling a recorder, keeping the type of its errors.
package func unrecorded<Value>(_ body: () throws(OctetError) -> Value) throws(OctetError) -> Value {
  var mode = ExecutionMode.current
  mode.recorder = nil
  return try mode.run(body)
}

/// `op`, run and told to a recorder. A result that is one of the inputs gets an identity of its own.
func applyRecorded<Op: Operator>(_ op: Op, _ inputs: [Tensor], _ recorder: any Recorder)
  throws(OctetError) -> Tensor
{
  var result = try unrecorded { () throws(OctetError) in try apply(op, inputs) }
  if inputs.contains(where: { $0 === result }) { result = result.aliased() }
  try recorder.record(op, inputs, result)
  return result
}

extension Tensor {
  /// Another tensor of the same elements at the same place of the tape.
  package func aliased() -> Tensor {
    let alias = detached()
    alias.gradientNode = gradientNode
    return alias
  }
}
