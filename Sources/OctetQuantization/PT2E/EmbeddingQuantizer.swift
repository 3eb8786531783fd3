import OctetGraph
import OctetTensor

/// Quantizes the tables of embeddings, in rows with a scale and a real zero point; bags and everything else stay in float.
/// torch.ao.quantization.quantizer.embedding_quantizer.EmbeddingQuantizer.
public struct EmbeddingQuantizer: PT2EQuantizer {
  /// A quantizer of tables.
  public init() {}

  /// Annotates the weight of every embedding.
  public func annotate(_ model: GraphModule) throws {
    let config = try QuantizationConfig.tables()
    for node in model.graph.nodes where node.functionName == "embedding" && !node.isTaken {
      let tables = node.arguments.compactMap { $0 }.filter { $0.node.attributePath != nil }
      guard let table = tables.first else { continue }
      node.annotation = QuantizationAnnotation(
        inputs: [table: config.weight].compactMapValues { $0 })
    }
  }
}
