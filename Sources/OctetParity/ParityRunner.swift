import OctetTensor

/// The result of one case.
package struct CaseResult: Sendable {
  /// The case's name.
  package let name: String
  /// The operation it runs, empty when the file couldn't be read.
  package let operation: String
  /// What is wrong, empty when the case passes.
  package var failures: [String] = []
  /// The judgement of each output.
  package var outputs: [OutputVerdict] = []

  /// A result without outputs.
  package init(name: String, operation: String, failures: [String] = []) {
    self.name = name
    self.operation = operation
    self.failures = failures
  }

  /// True when nothing is wrong.
  package var passed: Bool { failures.isEmpty }

  /// One line for a case that fails.
  package var line: String {
    "FAIL \(name) \(operation.isEmpty ? "" : "[\(operation)] ")\(failures.joined(separator: " | "))"
  }
}

/// Runs cases. Whatever goes wrong in one is that case's failure.
package struct ParityRunner: Sendable {
  private let registry: ParityRegistry

  /// A runner of the operations in `registry`.
  package init(registry: ParityRegistry) { self.registry = registry }

  /// Runs the case of a file; nil when `operation` is given and the case is of another one.
  package func run(path: String, only operation: String? = nil) -> CaseResult? {
    do throws(OctetError) {
      let file = try ParityCaseFile(path: path)
      if let operation, file.parityCase.operation != operation { return nil }
      return run(file)
    } catch {
      return CaseResult(
        name: ParityCaseFile.name(of: path), operation: "",
        failures: ["the case can't be read: \(error)"])
    }
  }

  /// Runs a case.
  package func run(_ file: ParityCaseFile) -> CaseResult {
    let name = file.parityCase.operation
    var result = CaseResult(name: file.name, operation: name)
    guard let operation = registry[name] else {
      result.failures = ["the runner doesn't know this operation"]
      return result
    }
    do {
      let outputs = try collectingErrors { try operation.run(file.parityCase) }
      if file.raises != nil {
        result.failures = ["expected an error, the call succeeded"]
      } else {
        judge(outputs, file, &result)
      }
    } catch {
      result.failures = failures(of: error, file)
    }
    return result
  }

  private func failures(of error: any Error, _ file: ParityCaseFile) -> [String] {
    guard let word = file.raises else { return ["\(error)"] }
    guard let typed = error as? OctetError else { return ["an untyped error: \(error)"] }
    // An error in reading the case says nothing about the call.
    if typed.operation == ParityAttributes.operation { return ["\(typed)"] }
    let message = "\(typed)"
    if word.isEmpty || message.lowercased().contains(word.lowercased()) { return [] }
    return ["the error must contain \"\(word)\": \(message)"]
  }

  private func judge(_ outputs: ParityOutputs, _ file: ParityCaseFile, _ result: inout CaseResult) {
    if file.expected.isEmpty && file.structure.isEmpty {
      result.failures.append("the case expects nothing")
    }
    for (name, want) in file.expected.sorted(by: { $0.key < $1.key }) {
      let verdict = OutputComparison.judge(
        name, got: outputs.tensors[name], want: want, rules: file.tolerance.rules(for: name),
        references: file.expected)
      result.outputs.append(verdict)
      result.failures += verdict.failures.map { "out/\(name): \($0)" }
    }
    if !file.structure.isEmpty {
      let differences = StructureComparison.differences(
        expected: file.structure, got: outputs.structure)
      result.failures += differences.map { "structure: \($0)" }
    }
  }
}
