/// Plain convolution in double over three spatial dimensions: what the fast paths are held against.
package struct ReferenceConvolution {
  package var batch = 1
  package var groups = 1
  package var inChannels = 1
  package var outChannels = 1
  package var input = [1, 1, 1]
  package var kernel = [1, 1, 1]
  package var stride = [1, 1, 1]
  package var padding = [0, 0, 0]
  package var dilation = [1, 1, 1]

  package init() {}

  /// Output size of each dimension; at least one of them below 1 when the window doesn't fit.
  package var output: [Int] {
    (0..<3).map { d in
      let room = input[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1
      return room < 0 ? 0 : room / stride[d] + 1
    }
  }

  /// `y[n, o, d, h, w]` in row-major order; values outside the input count as 0.
  package func run(_ x: (Int) -> Double, _ w: (Int) -> Double) -> [Double] {
    let out = output
    let groupIn = inChannels / groups
    let groupOut = outChannels / groups
    var result: [Double] = []
    for n in 0..<batch {
      for o in 0..<outChannels {
        for position in 0..<(out[0] * out[1] * out[2]) {
          let at = [position / (out[1] * out[2]), position / out[2] % out[1], position % out[2]]
          var sum = 0.0
          for c in 0..<groupIn {
            let channel = o / groupOut * groupIn + c
            for tap in 0..<(kernel[0] * kernel[1] * kernel[2]) {
              let t = [tap / (kernel[1] * kernel[2]), tap / kernel[2] % kernel[1], tap % kernel[2]]
              let p = (0..<3).map { at[$0] * stride[$0] - padding[$0] + t[$0] * dilation[$0] }
              guard (0..<3).allSatisfy({ (0..<input[$0]).contains(p[$0]) }) else { continue }
              let xi =
                (((n * inChannels + channel) * input[0] + p[0]) * input[1] + p[1]) * input[2] + p[2]
              let wi = (o * groupIn + c) * kernel[0] * kernel[1] * kernel[2] + tap
              sum += x(xi) * w(wi)
            }
          }
          result.append(sum)
        }
      }
    }
    return result
  }
}
