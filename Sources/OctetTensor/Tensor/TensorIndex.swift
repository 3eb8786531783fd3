/// What may stand between the brackets of `x[...]`: a whole number, a range, or one of the words `.all`, `.ellipsis`, `.newAxis`,
/// `.last` and `.slice(from:to:by:)`.
public protocol TensorIndex: Sendable {
  /// The index as one of the five kinds there are.
  var element: IndexElement { get }
}

/// One place between the brackets of `x[...]`.
public struct IndexElement: TensorIndex {
  package enum Kind: Sendable, Equatable {
    /// One slice; the dimension disappears.
    case at(Int)
    /// Some slices; nil stands for the end of the dimension.
    case slice(from: Int, to: Int?, step: Int)
    /// A new dimension of size 1.
    case newAxis
    /// As many whole dimensions as the other indices leave.
    case ellipsis
  }

  package let kind: Kind

  package init(_ kind: Kind) { self.kind = kind }

  /// Itself.
  public var element: IndexElement { self }
}

extension TensorIndex where Self == IndexElement {
  /// The whole dimension. Python's `:`.
  public static var all: IndexElement { IndexElement(.slice(from: 0, to: nil, step: 1)) }

  /// As many whole dimensions as the other indices leave. Python's `...`.
  public static var ellipsis: IndexElement { IndexElement(.ellipsis) }

  /// A new dimension of size 1. Python's `None`.
  public static var newAxis: IndexElement { IndexElement(.newAxis) }

  /// The last slice. Python's `-1`.
  public static var last: IndexElement { IndexElement(.at(-1)) }

  /// The slice `distance` before the end. Python's `-distance`.
  public static func fromEnd(_ distance: Int) -> IndexElement { IndexElement(.at(-distance)) }

  /// Slices `start`, `start + step`, ... below `end`; negative ends count from the back, nil is the end. Python's
  /// `start:end:step`.
  public static func slice(from start: Int = 0, to end: Int? = nil, by step: Int = 1)
    -> IndexElement
  {
    IndexElement(.slice(from: start, to: end, step: step))
  }
}

extension Int: TensorIndex {
  /// One slice, counted from the back when negative.
  public var element: IndexElement { IndexElement(.at(self)) }
}

extension Range: TensorIndex where Bound == Int {
  /// The slices in the range.
  public var element: IndexElement {
    IndexElement(.slice(from: lowerBound, to: upperBound, step: 1))
  }
}

extension ClosedRange: TensorIndex where Bound == Int {
  /// The slices in the range.
  public var element: IndexElement {
    // No dimension has Int.max slices, so an end that saturates is refused as any other that lies outside.
    let (end, overflow) = upperBound.addingReportingOverflow(1)
    return IndexElement(.slice(from: lowerBound, to: overflow ? .max : end, step: 1))
  }
}

extension PartialRangeFrom: TensorIndex where Bound == Int {
  /// The slices from the bound on.
  public var element: IndexElement { IndexElement(.slice(from: lowerBound, to: nil, step: 1)) }
}

extension PartialRangeUpTo: TensorIndex where Bound == Int {
  /// The slices before the bound.
  public var element: IndexElement { IndexElement(.slice(from: 0, to: upperBound, step: 1)) }
}

extension PartialRangeThrough: TensorIndex where Bound == Int {
  /// The slices up to the bound and with it.
  public var element: IndexElement { (0...Swift.max(upperBound, 0)).element }
}
