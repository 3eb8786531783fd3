/// What went wrong, in words that teach: the operation, the argument, what was expected, what came, and the
/// smallest fix.
///
/// Everything that comes from outside (files, models, configurations, inputs, conversion) throws this type. The
/// process always lives on.
public struct OctetError: Error, Sendable, Equatable {
  /// The kind of mistake, stable across releases.
  public enum Code: String, Sendable, CaseIterable, Codable {
    /// Shapes that don't fit the operation or each other.
    case shapeMismatch
    /// An element type that the operation doesn't take.
    case dtypeMismatch
    /// A float tensor where a quantized one is needed, or the other way round.
    case quantizationMismatch
    /// A value outside its legal range.
    case invalidArgument
    /// An axis or index outside the tensor.
    case outOfRange
    /// A scale, zero point, axis or scheme that no quantizer may have.
    case invalidQuantizer
    /// Quantization parameters asked for before any data was observed.
    case notObserved
    /// Code that can't be recorded as a graph.
    case untraceable
    /// A module that has no form for what was asked.
    case unsupportedModule
    /// A state entry that is missing, unexpected or of another shape.
    case stateMismatch
    /// A file that can't be opened, read or written.
    case fileAccess
    /// A file whose bytes break its format.
    case malformedFile
    /// A configuration, attribute or command-line value that can't be understood.
    case invalidConfiguration
    /// The kernels refused, with a status of their own.
    case kernelFailure
  }

  /// The kind of mistake.
  public var code: Code
  /// The operation or entry that refused, in torch's spelling where it has one.
  public var operation: String
  /// The argument at fault, empty when no single one is.
  public var argument: String
  /// What the operation wanted.
  public var expected: String
  /// What it got.
  public var received: String
  /// The smallest change that helps, empty when `expected` says it all.
  public var fix: String
  /// The dotted path of the module that was running, empty outside modules.
  public var modulePath: String

  /// Creates an error from its parts.
  public init(
    _ code: Code, operation: String, argument: String = "", expected: String, received: String,
    fix: String = "", modulePath: String = ""
  ) {
    self.code = code
    self.operation = operation
    self.argument = argument
    self.expected = expected
    self.received = received
    self.fix = fix
    self.modulePath = modulePath
  }

  /// The same error, seen from a module that contains the one that failed.
  package func inside(_ name: String) -> OctetError {
    var copy = self
    copy.modulePath = modulePath.isEmpty ? name : "\(name).\(modulePath)"
    return copy
  }
}

extension OctetError: CustomStringConvertible {
  /// One line: where, what, expected, received, fix.
  public var description: String {
    var text = modulePath.isEmpty ? "" : "at \(modulePath): "
    text += operation
    if !argument.isEmpty { text += ": \(argument)" }
    text += ": expected \(expected), received \(received)"
    if !fix.isEmpty { text += "; \(fix)" }
    return text
  }
}
