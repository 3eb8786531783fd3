import OctetTensor

/// What padding layers share: `[N, C, spatial...]` extended at both ends of each spatial dimension, real or quantized. N may be left
/// out.
public class Padding: Module {
  private let before: [Int]
  private let after: [Int]
  private let mode: PaddingMode

  /// Elements in front of and behind each spatial dimension, outermost first.
  package required init(before: [Int], after: [Int], mode: PaddingMode) {
    self.before = before
    self.after = after
    self.mode = mode
  }

  /// One number for every side, or torch's list: before and after for each dimension, the last dimension first.
  ///
  /// - Throws: `invalidArgument` for another number of values.
  convenience init(rank: Int, _ padding: [Int], _ mode: PaddingMode) throws {
    guard padding.count == 1 || padding.count == 2 * rank else {
      throw OctetError(
        .invalidArgument, operation: "\(Self.self)", argument: "padding",
        expected: "1 or \(2 * rank) values", received: "\(padding)")
    }
    func side(_ offset: Int) -> [Int] {
      (0..<rank).reversed().map { padding.count == 1 ? padding[0] : padding[2 * $0 + offset] }
    }
    self.init(before: side(0), after: side(1), mode: mode)
  }

  /// One number for every side.
  convenience init(rank: Int, all padding: Int, _ mode: PaddingMode) {
    let side = [Int](repeating: padding, count: rank)
    self.init(before: side, after: side, mode: mode)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Self(before: before, after: after, mode: mode)
  }

  public override var details: String {
    let fill = if case .constant(let value) = mode, value != 0 { ", value: \(value)" } else { "" }
    return "before: \(before), after: \(after)\(fill)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let rank = before.count
    guard input.isPlaceholder || input.rank == rank + 2 || input.rank == rank + 1 else {
      throw OctetError(
        .shapeMismatch, operation: "\(Self.self)", argument: "input",
        expected: "\(rank + 2) dimensions [N, C, spatial...]", received: "shape \(input.shape)")
    }
    return try Functional.pad(input, before: before, after: after, mode: mode)
  }
}
