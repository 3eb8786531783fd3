/// The index of the largest or smallest element along a dimension, the first one of equals; NaN wins. torch.argmax, argmin.
struct ArgMax: Operator {
  static let torchName = "argmax"
  static let onnxName: String? = "ArgMax"

  let dim: Int
  var keepDim = false
  var largest = true

  var name: String { largest ? "argmax" : "argmin" }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try requireOrdered(x)
    let axis = try axis(dim, x)
    guard x.shape[axis] > 0 else {
      throw error(
        .shapeMismatch, "input", expected: "at least one element along dim \(dim)",
        received: "shape \(x.shape)")
    }
    return TensorSpec(shape: Shapes.reduced(x.shape, [axis], keepDims: keepDim), dtype: .int64)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let axis = try axis(dim, inputs[0].spec)
    let keys = try OrderKeys(inputs[0], dim: axis, nanIsLargest: largest)
    let places = try keys.places(inputs[0].shape, dim: axis, length: 1) { lane in
      var best = lane.startIndex
      for i in lane.indices where largest ? lane[i] > lane[best] : lane[i] < lane[best] {
        best = i
      }
      return [best - lane.startIndex]
    }
    return try places.view(output.shape)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }
}

extension Functional {
  /// The index of the largest element along `dim`, int64; of equal ones the first, NaN is larger than every number. torch.argmax.
  ///
  /// - Parameter input: any plain dtype, or quint8, qint8 and qint32 with a per-tensor quantizer.
  public static func argmax(_ input: Tensor, dim: Int, keepDim: Bool = false) throws(OctetError)
    -> Tensor
  {
    try apply(ArgMax(dim: dim, keepDim: keepDim), [input])
  }

  /// The index of the smallest element along `dim`, int64; of equal ones the first, NaN is smaller than every number.
  /// torch.argmin.
  public static func argmin(_ input: Tensor, dim: Int, keepDim: Bool = false) throws(OctetError)
    -> Tensor
  {
    try apply(ArgMax(dim: dim, keepDim: keepDim, largest: false), [input])
  }
}

extension Tensor {
  /// `Functional.argmax`, trapping on mistakes.
  public func argmax(dim: Int) -> Tensor { eager { try Functional.argmax(self, dim: dim) } }

  /// `Functional.argmin`, trapping on mistakes.
  public func argmin(dim: Int) -> Tensor { eager { try Functional.argmin(self, dim: dim) } }
}
