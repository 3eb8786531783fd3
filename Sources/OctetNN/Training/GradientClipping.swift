import OctetTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Scales all gradients by one factor so that their norm together is at most `maxNorm`, and gives the norm they had.
/// torch.nn.utils.clip_grad_norm_.
///
/// The norm is summed in double; the factor is `maxNorm / (norm + 1e-6)`, at most 1.
///
/// - Parameter order: the norm's, infinite for the largest magnitude.
@discardableResult
public func clipGradients(_ parameters: [Parameter], maxNorm: Double, order: Double = 2)
  throws(OctetError) -> Double
{
  var total = 0.0
  for gradient in parameters.compactMap(\.gradient) {
    let elements: [Float] = try gradient.elements()
    for element in elements {
      let size = Double(abs(element))
      if order == .infinity {
        total = max(total, size)
      } else {
        total += order == 2 ? size * size : pow(size, order)
      }
    }
  }
  let norm = order == .infinity ? total : order == 2 ? total.squareRoot() : pow(total, 1 / order)
  let factor = Float(min(maxNorm / (norm + 1e-6), 1))
  if factor < 1 { try replaceGradients(parameters) { $0 * factor } }
  return norm
}

/// Brings each element of all gradients into `-limit...limit`. torch.nn.utils.clip_grad_value_.
public func clipGradients(_ parameters: [Parameter], limit: Double) throws(OctetError) {
  let limit = Float(limit)
  try replaceGradients(parameters) { min(max($0, -limit), limit) }
}

/// New gradients from the old ones: several leaves may share one.
private func replaceGradients(_ parameters: [Parameter], _ body: (Float) -> Float)
  throws(OctetError)
{
  for parameter in parameters {
    guard let gradient = parameter.gradient else { continue }
    let elements: [Float] = try gradient.elements()
    parameter.gradient = try Tensor(elements.map(body), shape: gradient.shape)
  }
}
