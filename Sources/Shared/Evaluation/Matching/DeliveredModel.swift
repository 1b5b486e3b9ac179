internal import Conversion
public import Graphs
public import Tensors

/// A quantized model in one of the forms in which it is delivered.
public enum DeliveredModel: Sendable {
    /// A graph of its own, with QuantizeLinear and DequantizeLinear nodes.
    case graph(Graph)
    /// A state dictionary, to be loaded into the modules of the simulated device.
    case state(StateDictionary)
}

extension ModelPair {
    /// Prepares a float graph as it was imported and matches it with the quantized model that was made from it.
    ///
    /// A state dictionary is loaded into the float graph with all its nodes. When its first convolution normalizes raw data
    /// (`firstconv`), both models take these: the float graph normalizes them with the same mean and deviation.
    ///
    /// - Parameters:
    ///   - float: The float graph, as imported.
    ///   - quantized: What it is compared with.
    /// - Throws: `ModelPairError`; `ConversionError` when a node with constant inputs cannot be computed; `MLUConversionError`
    ///   when the dictionary does not fit the model.
    public init(imported float: Graph, quantized: DeliveredModel) throws {
        switch quantized {
        case .graph(let graph):
            // What was one operator may be written out again in the file.
            try self.init(float: PreparedGraph(float).graph, quantized: OperatorFusion.apply(to: graph).graph)
        case .state(let state):
            let loaded = try float.mluRunModel(loading: state, mapping: .everything(in: float)).graph
            try self.init(float: float.preparedForMLU().normalizingRawData(as: loaded), quantized: loaded)
        }
    }
}
