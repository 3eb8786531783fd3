import OctetNN
import OctetQuantization
import OctetTensor

/// A transformer's layer between two linear layers.
final class AttentionModel: WorkflowModel {
  let quant = QuantStub()
  let fcIn = Linear(12, 16)
  let attn = MultiheadAttention(16, numHeads: 4)
  let add1 = FloatFunctional()
  let norm1 = LayerNorm(16)
  let ff1 = Linear(16, 32)
  let gelu = GELU()
  let ff2 = Linear(32, 16)
  let add2 = FloatFunctional()
  let norm2 = LayerNorm(16)
  let fcOut = Linear(16, 6)
  let dequant = DeQuantStub()

  override func forward(_ input: Tensor) -> Tensor {
    var x = fcIn(quant(input))
    x = norm1(add1.add(x, attn(x, x, x).output))
    x = norm2(add2.add(x, ff2(gelu(ff1(x)))))
    return dequant(fcOut(x))
  }
}
