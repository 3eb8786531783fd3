import Synchronization

/// The place where a scope keeps the first error of the eager sugar.
package final class ErrorBox: @unchecked Sendable {
  // Only the task that opened the scope, and its children one at a time, run operators in it.
  package var first: OctetError?
}

/// How operators run in the current task: read once per operator call.
package struct ExecutionMode: @unchecked Sendable {
  // The error box and the recorder belong to the task that set them, and its children one at a time.

  /// Collects the errors of trapping calls; nil outside `collectingErrors`.
  package var errors: ErrorBox?
  /// Whether operators put their results on the tape; false inside `noGrad`.
  package var recordsGradients = true
  /// Is told of every operator and module call; nil when nobody records.
  package var recorder: (any Recorder)?

  /// The mode of the current task.
  @TaskLocal package static var current = ExecutionMode()

  /// Scopes with a recorder that are open, in any task: while there are none, nobody looks for one.
  private static let recordings = Atomic<Int>(0)

  /// Who records the current task.
  package static var recorder: (any Recorder)? {
    recordings.load(ordering: .relaxed) == 0 ? nil : current.recorder
  }

  /// Runs `body` with `mode`, whose recorder is told of what it calls.
  package static func recording<Result>(
    _ mode: ExecutionMode, _ body: () throws -> Result
  ) rethrows -> Result {
    recordings.add(1, ordering: .relaxed)
    defer { recordings.subtract(1, ordering: .relaxed) }
    return try $current.withValue(mode, operation: body)
  }

  /// Runs `body` in this mode, keeping the type of its errors.
  package func run<Value>(_ body: () throws(OctetError) -> Value) throws(OctetError) -> Value {
    let result: Result<Value, OctetError> = Self.$current.withValue(self) {
      do throws(OctetError) {
        return .success(try body())
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

/// Runs `body` so that the eager sugar (`x + y`, `model(x)`) doesn't trap: its first error is thrown when `body`
/// ends.
///
/// After the first error the remaining calls return placeholder tensors without computing anything.
public func collectingErrors<Result>(_ body: () throws -> Result) throws -> Result {
  var mode = ExecutionMode.current
  let box = ErrorBox()
  mode.errors = box
  let result = try ExecutionMode.$current.withValue(mode) { try body() }
  if let error = box.first { throw error }
  return result
}

/// Runs a throwing operator for the eager sugar: traps with the error's words, or leaves it to the scope that asked.
package func eager(_ body: () throws -> Tensor) -> Tensor {
  eager(orElse: Tensor.placeholder, body)
}

/// The same for calls with other results than one tensor; `placeholder` stands for them once an error was collected.
package func eager<Result>(
  orElse placeholder: @autoclosure () -> Result, _ body: () throws -> Result
) -> Result {
  let box = ExecutionMode.current.errors
  if box?.first != nil { return placeholder() }
  do {
    return try body()
  } catch {
    guard let box else { fatalError("\(error)") }
    box.first =
      error as? OctetError
      ?? OctetError(
        .invalidArgument, operation: "call", expected: "an Octet operation", received: "\(error)")
    return placeholder()
  }
}
