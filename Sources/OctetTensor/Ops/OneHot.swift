/// A row of zeros with a one for each class number. torch.nn.functional.one_hot.
struct OneHot: Operator {
  static let torchName = "one_hot"
  static let onnxName: String? = "OneHot"

  let classes: Int

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "tensor", dtypes: [.int64, .int32])
    guard classes >= 0 else {
      throw error(
        .invalidArgument, "num_classes", expected: "0 or more", received: "\(classes)")
    }
    return TensorSpec(shape: inputs[0].shape + [classes], dtype: .int64)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let numbers: [Int64] = try inputs[0].converted(to: .int64).elements()
    if let wrong = numbers.first(where: { $0 < 0 || $0 >= classes }) {
      throw error(
        .outOfRange, "tensor", expected: "class numbers in 0..<\(classes)", received: "\(wrong)",
        fix: "raise the number of classes")
    }
    let result = try Tensor.zeros(output.shape, dtype: .int64)
    result.withMutableElements(Int64.self) { y in
      for (row, number) in numbers.enumerated() { y[row * classes + Int(number)] = 1 }
    }
    return result
  }
}

extension Functional {
  /// 1 where the last dimension's index is the class number, 0 elsewhere; int64 `[..., classes]`. torch.nn.functional.one_hot.
  ///
  /// - Parameters:
  ///   - input: int64 or int32 `[...]`, each in `0..<classes`.
  ///   - classes: one more than the largest number when nil.
  public static func oneHot(_ input: Tensor, classes: Int? = nil) throws(OctetError) -> Tensor {
    if let classes { return try apply(OneHot(classes: classes), [input]) }
    let isWhole = input.dtype == .int64 || input.dtype == .int32
    let largest = isWhole && input.count > 0 ? try maximum(input).item() : -1
    return try apply(OneHot(classes: max(Int(largest), -1) + 1), [input])
  }
}
