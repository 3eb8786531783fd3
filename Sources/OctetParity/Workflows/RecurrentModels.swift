import OctetNN
import OctetQuantization
import OctetTensor

/// An embedding, a bidirectional LSTM of two layers and a linear layer.
final class LSTMTaggerModel: WorkflowModel {
  let emb = Embedding(50, 16)
  let quant = QuantStub()
  let lstm = LSTM(16, 12, layers: 2, bidirectional: true)
  let fc = Linear(24, 8)
  let dequant = DeQuantStub()

  override func forward(_ tokens: Tensor) -> Tensor { dequant(fc(lstm(quant(emb(tokens))))) }
}

/// One cell of each kind step by step, then a GRU over what they gave.
final class RecurrentCellsModel: WorkflowModel {
  let rnn = RNNCell(10, 8)
  let gru = GRUCell(8, 8)
  let lstm = LSTMCell(8, 8)
  let seq = GRU(8, 6)
  let fc = Linear(6, 5)

  override func compute(_ inputs: [Tensor]) -> Tensor {
    var (r, g) = (inputs[1], inputs[1])
    var state = LSTMState(hidden: inputs[1], cell: inputs[1])
    var steps: [Tensor] = []
    for step in 0..<inputs[0].shape[0] {
      r = rnn(eager { try inputs[0].select(dim: 0, index: step) }, r).state
      g = gru(r, g).state
      state = lstm(g, state).state
      steps.append(state.hidden)
    }
    return fc(seq(eager { try Functional.stack(steps) }))
  }
}
