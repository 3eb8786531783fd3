import OctetTensor
import OctetTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Scaled dot-product attention")
struct AttentionTests {
  /// Plain loops in double; `allowed` says which columns a row sees, `added` what is put on a score.
  private func reference(
    _ q: Grid, _ k: Grid, _ v: Grid, scale: Double, allowed: (Int, Int) -> Bool,
    added: (Int, Int) -> Double
  ) -> Grid {
    let (batch, length, features) = (q.shape[0], q.shape[1], q.shape[2])
    let (columns, width) = (k.shape[1], v.shape[2])
    var result = Grid([batch, length, width]) { _ in 0 }
    for b in 0..<batch {
      for i in 0..<length {
        let scores = (0..<columns).map { j -> Double in
          guard allowed(i, j) else { return -.infinity }
          return (0..<features).reduce(0) { $0 + q[[b, i, $1]] * k[[b, j, $1]] } * scale
            + added(i, j)
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        for d in 0..<width {
          result[[b, i, d]] = (0..<columns).reduce(0) { $0 + weights[$1] / sum * v[[b, $1, d]] }
        }
      }
    }
    return result
  }

  @Test("Plain, causal, with truth values and with numbers for a mask", arguments: 0..<4)
  func forward(kind: Int) throws {
    let random = TestRandom(UInt64(kind))
    let (length, columns, features) = (5, kind == 1 ? 5 : 7, 6)
    let grids = [
      random.grid([2, length, features]), random.grid([2, columns, features]),
      random.grid([2, columns, 3]),
    ]
    let bias = random.grid([length, columns])
    let seen = (0..<(length * columns)).map { $0 % columns == 0 || random.int(0...1) == 0 }
    let mask: Tensor? =
      switch kind {
      case 2: try Tensor(seen, shape: [length, columns])
      case 3: try Tensor.of(bias)
      default: nil
      }
    func attend(_ x: [Tensor]) throws -> Tensor {
      try Functional.scaledDotProductAttention(
        x[0], x[1], x[2], mask: mask, isCausal: kind == 1, scale: kind == 0 ? 0.3 : nil)
    }
    let want = reference(
      grids[0], grids[1], grids[2], scale: kind == 0 ? 0.3 : 1 / Double(features).squareRoot(),
      allowed: { kind == 1 ? $1 <= $0 : kind == 2 ? seen[$0 * columns + $1] : true },
      added: { kind == 3 ? bias[[$0, $1]] : 0 })
    let draw = FloatCase.Draw(
      inputs: grids, run: attend, expected: want,
      bound: FloatCase.bound(units: 200, scale: 2))
    try expectForward(draw, random, hasDouble: false)
    try expectGradients(draw, random, hasDouble: false)
  }
}
