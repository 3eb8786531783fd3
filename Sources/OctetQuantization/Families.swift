import OctetNN
import OctetTensor

/// The table of module families: nothing else enumerates modules.
package enum Families {
  /// The family of a module, float or training form; nil for types the table doesn't list.
  static func family(of module: Module) -> Family? {
    let type = type(of: module)
    return all.first { type == $0.float || $0.trained.contains { type == $0.type } }
  }

  /// Every family.
  nonisolated(unsafe) package static let all: [Family] =
    stubs + linear + convolutions + transposedConvolutions + activations + norms + embeddings
    + recurrent + wholes

  nonisolated(unsafe) private static let stubs: [Family] = [
    family(
      QuantStub.self, quantized: { _, context in try Quantized.Quantize(context) },
      reference: { _, context in try Quantized.Quantize(context) }),
    family(
      DeQuantStub.self, isObserved: false, quantized: { _, _ in Quantized.DeQuantize() },
      reference: { _, _ in Quantized.DeQuantize() }),
    family(
      FloatFunctional.self, needsData: false,
      quantized: { _, context in try Quantized.QFunctional(context) }),
  ]

  nonisolated(unsafe) private static let linear: [Family] = [
    family(
      Linear.self,
      trained: [
        TrainingRecipe(QAT.Linear.self, of: Linear.self) { try QAT.Linear($0, $1) },
        TrainingRecipe(QAT.Dynamic.Linear.self, of: Linear.self, .runTime) {
          try QAT.Dynamic.Linear($0, $1)
        },
      ],
      quantized: { try Quantized.Linear($0, $1) }, dynamic: { try Dynamic.Linear($0, $1) },
      reference: { try Reference.Linear($0, $1) }),
    family(
      Fused.LinearReLU.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.LinearReLU.self, of: Fused.LinearReLU.self) {
          try QAT.LinearReLU($0, $1)
        }
      ],
      quantized: { try Quantized.LinearReLU($0.linear, $1) },
      dynamic: { try Dynamic.LinearReLU($0.linear, $1) }),
    family(
      Fused.LinearBn1d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.LinearBn1d.self, of: Fused.LinearBn1d.self) {
          try QAT.LinearBn1d($0, $1)
        }
      ]),
    family(
      Fused.LinearLeakyReLU.self, isFused: true,
      quantized: { try Quantized.LinearLeakyReLU($0, $1) }),
    family(
      Fused.LinearTanh.self, isFused: true, quantized: { try Quantized.LinearTanh($0.linear, $1) }),
  ]

  nonisolated(unsafe) private static let convolutions: [Family] = [
    family(
      Conv1d.self,
      trained: [TrainingRecipe(QAT.Conv1d.self, of: Conv1d.self) { try QAT.Conv1d($0, $1) }],
      quantized: { try Quantized.Conv1d($0, $1) }, dynamic: { try Dynamic.Conv1d($0, $1) },
      reference: { try Reference.Conv1d($0, $1) }),
    family(
      Conv2d.self,
      trained: [TrainingRecipe(QAT.Conv2d.self, of: Conv2d.self) { try QAT.Conv2d($0, $1) }],
      quantized: { try Quantized.Conv2d($0, $1) }, dynamic: { try Dynamic.Conv2d($0, $1) },
      reference: { try Reference.Conv2d($0, $1) }),
    family(
      Conv3d.self,
      trained: [TrainingRecipe(QAT.Conv3d.self, of: Conv3d.self) { try QAT.Conv3d($0, $1) }],
      quantized: { try Quantized.Conv3d($0, $1) }, dynamic: { try Dynamic.Conv3d($0, $1) },
      reference: { try Reference.Conv3d($0, $1) }),
    family(
      Fused.ConvReLU1d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvReLU1d.self, of: Fused.ConvReLU1d.self) {
          try QAT.ConvReLU1d($0.convolution, $1)
        }
      ],
      quantized: { try Quantized.ConvReLU1d($0.convolution, $1) }),
    family(
      Fused.ConvReLU2d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvReLU2d.self, of: Fused.ConvReLU2d.self) {
          try QAT.ConvReLU2d($0.convolution, $1)
        }
      ],
      quantized: { try Quantized.ConvReLU2d($0.convolution, $1) }),
    family(
      Fused.ConvReLU3d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvReLU3d.self, of: Fused.ConvReLU3d.self) {
          try QAT.ConvReLU3d($0.convolution, $1)
        }
      ],
      quantized: { try Quantized.ConvReLU3d($0.convolution, $1) }),
    family(
      Fused.ConvBn1d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvBn1d.self, of: Fused.ConvBn1d.self) {
          try QAT.ConvBn1d($0.convolution, $0.norm, $1)
        }
      ]),
    family(
      Fused.ConvBn2d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvBn2d.self, of: Fused.ConvBn2d.self) {
          try QAT.ConvBn2d($0.convolution, $0.norm, $1)
        }
      ]),
    family(
      Fused.ConvBn3d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvBn3d.self, of: Fused.ConvBn3d.self) {
          try QAT.ConvBn3d($0.convolution, $0.norm, $1)
        }
      ]),
    family(
      Fused.ConvBnReLU1d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvBnReLU1d.self, of: Fused.ConvBnReLU1d.self) {
          try QAT.ConvBnReLU1d($0.convolution, $0.norm, $1)
        }
      ]),
    family(
      Fused.ConvBnReLU2d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvBnReLU2d.self, of: Fused.ConvBnReLU2d.self) {
          try QAT.ConvBnReLU2d($0.convolution, $0.norm, $1)
        }
      ]),
    family(
      Fused.ConvBnReLU3d.self, isFused: true,
      trained: [
        TrainingRecipe(QAT.ConvBnReLU3d.self, of: Fused.ConvBnReLU3d.self) {
          try QAT.ConvBnReLU3d($0.convolution, $0.norm, $1)
        }
      ]),
    family(
      Fused.ConvAdd2d.self, isFused: true,
      quantized: { try Quantized.ConvAdd2d($0.convolution, $1) }),
    family(
      Fused.ConvAddReLU2d.self, isFused: true,
      quantized: { try Quantized.ConvAddReLU2d($0.convolution, $1) }),
  ]

  nonisolated(unsafe) private static let transposedConvolutions: [Family] = [
    family(
      ConvTranspose1d.self, quantized: { try Quantized.ConvTranspose1d($0, $1) },
      dynamic: { try Dynamic.ConvTranspose1d($0, $1) },
      reference: { try Reference.ConvTranspose1d($0, $1) }),
    family(
      ConvTranspose2d.self, quantized: { try Quantized.ConvTranspose2d($0, $1) },
      dynamic: { try Dynamic.ConvTranspose2d($0, $1) },
      reference: { try Reference.ConvTranspose2d($0, $1) }),
    family(
      ConvTranspose3d.self, quantized: { try Quantized.ConvTranspose3d($0, $1) },
      dynamic: { try Dynamic.ConvTranspose3d($0, $1) },
      reference: { try Reference.ConvTranspose3d($0, $1) }),
  ]

  nonisolated(unsafe) private static let activations: [Family] = [
    family(ReLU6.self, quantized: { _, _ in Quantized.ReLU6() }),
    family(Hardswish.self, quantized: { _, context in try Quantized.Hardswish(context) }),
    family(LeakyReLU.self, quantized: { try Quantized.LeakyReLU($0, $1) }),
    family(ELU.self, quantized: { try Quantized.ELU($0, $1) }),
    family(Softmax.self, quantized: { try Quantized.Softmax($0, $1) }),
    family(PReLU.self, quantized: { try Quantized.PReLU($0, $1) }),
    family(Dropout.self, isObserved: false, quantized: { _, _ in Quantized.Dropout() }),
  ]

  nonisolated(unsafe) private static let norms: [Family] = [
    family(BatchNorm2d.self, quantized: { try Quantized.BatchNorm2d($0, $1) }),
    family(BatchNorm3d.self, quantized: { try Quantized.BatchNorm3d($0, $1) }),
    family(
      Fused.BNReLU2d.self, isFused: true, quantized: { try Quantized.BNReLU2d($0.norm, $1) }),
    family(
      Fused.BNReLU3d.self, isFused: true, quantized: { try Quantized.BNReLU3d($0.norm, $1) }),
    family(LayerNorm.self, quantized: { try Quantized.LayerNorm($0, $1) }),
    family(GroupNorm.self, quantized: { try Quantized.GroupNorm($0, $1) }),
    family(InstanceNorm1d.self, quantized: { try Quantized.InstanceNorm1d($0, $1) }),
    family(InstanceNorm2d.self, quantized: { try Quantized.InstanceNorm2d($0, $1) }),
    family(InstanceNorm3d.self, quantized: { try Quantized.InstanceNorm3d($0, $1) }),
  ]

  nonisolated(unsafe) private static let embeddings: [Family] = [
    family(
      Embedding.self,
      trained: [
        TrainingRecipe(QAT.Embedding.self, of: Embedding.self, .embeddings) {
          try QAT.Embedding($0, $1)
        }
      ],
      quantized: { try Quantized.Embedding($0, $1) },
      dynamic: { try Quantized.Embedding($0, $1) },
      reference: { try Reference.Embedding($0, $1) }),
    family(
      EmbeddingBag.self,
      trained: [
        TrainingRecipe(QAT.EmbeddingBag.self, of: EmbeddingBag.self, .embeddings) {
          try QAT.EmbeddingBag($0, $1)
        }
      ],
      quantized: { try Quantized.EmbeddingBag($0, $1) },
      dynamic: { try Quantized.EmbeddingBag($0, $1) },
      reference: { try Reference.EmbeddingBag($0, $1) }),
  ]

  nonisolated(unsafe) private static let recurrent: [Family] = [
    rebuilt(
      LSTM.self, dynamic: { try Dynamic.LSTM($0, $1) }, reference: { try Reference.LSTM($0, $1) }
    ) { try Quantizable.LSTM($0) },
    rebuilding(Quantizable.LSTM.self) { observed, _ in Quantized.LSTM(observed) },
    family(
      GRU.self, isObserved: false, dynamic: { try Dynamic.GRU($0, $1) },
      reference: { try Reference.GRU($0, $1) }),
    family(
      RNNCell.self, isObserved: false, dynamic: { try Dynamic.RNNCell($0, $1) },
      reference: { try Reference.RNNCell($0, $1) }),
    family(
      LSTMCell.self, isObserved: false, dynamic: { try Dynamic.LSTMCell($0, $1) },
      reference: { try Reference.LSTMCell($0, $1) }),
    family(
      GRUCell.self, isObserved: false, dynamic: { try Dynamic.GRUCell($0, $1) },
      reference: { try Reference.GRUCell($0, $1) }),
  ]

  /// Modules that compute as a whole, and the forms of them that can be observed.
  nonisolated(unsafe) private static let wholes: [Family] = [
    rebuilt(MultiheadAttention.self, dynamic: { try Dynamic.MultiheadAttention($0, $1) }) {
      try Quantizable.MultiheadAttention($0)
    },
    rebuilding(Quantizable.MultiheadAttention.self) { observed, _ in
      try Quantized.MultiheadAttention(observed)
    },
  ]

  /// Every sequence that `fuseModules` and `fuseModulesQAT` know.
  nonisolated(unsafe) static let fusions: [FusionPattern] = [
    pattern(Conv1d.self, BatchNorm1d.self, training: { try Fused.ConvBn1d($0, $1) }) {
      try folded($0, $1)
    },
    pattern(Conv2d.self, BatchNorm2d.self, training: { try Fused.ConvBn2d($0, $1) }) {
      try folded($0, $1)
    },
    pattern(Conv3d.self, BatchNorm3d.self, training: { try Fused.ConvBn3d($0, $1) }) {
      try folded($0, $1)
    },
    pattern(
      Conv1d.self, BatchNorm1d.self, ReLU.self, training: { try Fused.ConvBnReLU1d($0, $1) }
    ) { try Fused.ConvReLU1d(folded($0, $1)) },
    pattern(
      Conv2d.self, BatchNorm2d.self, ReLU.self, training: { try Fused.ConvBnReLU2d($0, $1) }
    ) { try Fused.ConvReLU2d(folded($0, $1)) },
    pattern(
      Conv3d.self, BatchNorm3d.self, ReLU.self, training: { try Fused.ConvBnReLU3d($0, $1) }
    ) { try Fused.ConvReLU3d(folded($0, $1)) },
    pattern(Conv1d.self, ReLU.self) { conv, _ in try Fused.ConvReLU1d(conv) },
    pattern(Conv2d.self, ReLU.self) { conv, _ in try Fused.ConvReLU2d(conv) },
    pattern(Conv3d.self, ReLU.self) { conv, _ in try Fused.ConvReLU3d(conv) },
    pattern(Linear.self, ReLU.self) { linear, _ in try Fused.LinearReLU(linear) },
    pattern(Linear.self, BatchNorm1d.self, training: { try Fused.LinearBn1d($0, $1) }) {
      try folded($0, $1)
    },
    pattern(ConvTranspose1d.self, BatchNorm1d.self, training: nil) { try folded($0, $1) },
    pattern(ConvTranspose2d.self, BatchNorm2d.self, training: nil) { try folded($0, $1) },
    pattern(ConvTranspose3d.self, BatchNorm3d.self, training: nil) { try folded($0, $1) },
    pattern(BatchNorm2d.self, ReLU.self) { norm, _ in Fused.BNReLU2d(norm) },
    pattern(BatchNorm3d.self, ReLU.self) { norm, _ in Fused.BNReLU3d(norm) },
  ]
}
