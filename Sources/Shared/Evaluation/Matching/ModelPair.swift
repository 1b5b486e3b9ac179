public import Graphs
internal import Tensors

/// A float graph and a quantized one, matched value by value, and the graphs that have to run to compare them.
///
/// The same two graphs give the same pair, in the same order.
public struct ModelPair: Sendable {
    /// The float graph; every layer's value is an output.
    public let float: Graph
    /// The quantized graph; every layer's quantized value is an output.
    public let quantized: Graph
    /// The quantized graph with every layer cut off from the ones before it: what a layer reads of another one is an input,
    /// `isolatedInputs`, and every layer's quantized value is an output.
    public let isolated: Graph
    /// Which value of the float model each input of `isolated` takes, by the input's name; model inputs keep their names.
    public let isolatedInputs: [String: String]
    /// The layers in the order of the float graph, quantized inputs first.
    public let layers: [EvaluatedLayer]
    /// Values of the float graph without a counterpart, in its order.
    public let unmatched: [UnmatchedLayer]
    /// The output with the scores of classes: the first float32 output of rank 2 with at least two columns, as far as the
    /// model says.
    public let scores: String?

    /// Matches two graphs.
    ///
    /// - Parameters:
    ///   - float: The float graph in the form that was quantized (`PreparedGraph`).
    ///   - quantized: The quantized graph, with the same inputs and outputs.
    /// - Throws: `ModelPairError` naming the input or output that only one of the two has, or that differs.
    public init(float: Graph, quantized: Graph) throws(ModelPairError) {
        let (float, quantized) = (float.withWideOutputs, quantized.withWideOutputs)
        try Self.check("input", float.inputs, quantized.inputs)
        try Self.check("output", float.outputs, quantized.outputs)
        // What does not fit together is said, with the node's name, by the executor.
        let floatTypes = (try? ShapeInference.infer(float)) ?? [:]
        let quantizedTypes = (try? ShapeInference.infer(quantized)) ?? [:]
        let matcher = LayerMatcher(
            float: float, quantized: quantized, floatTypes: floatTypes, quantizedTypes: quantizedTypes)
        guard matcher.layers.contains(where: { !$0.node.isEmpty }) else { throw .nothingMatches }
        layers = matcher.layers
        unmatched = matcher.unmatched
        let inputs = Set(float.inputs.map(\.name))
        self.float = float.returning(layers.map(\.value).filter { !inputs.contains($0) }, types: floatTypes)
        self.quantized = quantized.returning(layers.map(\.quantizedValue), types: quantizedTypes)
        (isolated, isolatedInputs) = quantized.isolating(layers, types: quantizedTypes)
        scores =
            float.outputs.first { output in
                let type = floatTypes[output.name] ?? output.type
                guard type.elementType == .float32, let dimensions = type.dimensions else { return false }
                return dimensions.count == 2 && dimensions[1].fixedValue ?? 2 >= 2
            }?.name
    }

    /// Whether the same values enter and leave both models.
    private static func check(
        _ what: String, _ float: [Graph.Value], _ quantized: [Graph.Value]
    ) throws(ModelPairError) {
        let counterparts = Dictionary(quantized.map { ($0.name, $0.type) }) { first, _ in first }
        for value in float {
            guard let other = counterparts[value.name] else {
                throw .onlyInOne(what: what, name: value.name, isInFloat: true, others: quantized.map(\.name))
            }
            guard value.type.isCompatible(with: other) else {
                throw .differs(what: what, name: value.name, float: "\(value.type)", quantized: "\(other)")
            }
        }
        let known = Set(float.map(\.name))
        if let extra = quantized.first(where: { !known.contains($0.name) }) {
            throw .onlyInOne(what: what, name: extra.name, isInFloat: false, others: float.map(\.name))
        }
    }
}

extension Graph {
    /// The graph with further outputs.
    func returning(_ values: [String], types: [String: TensorType]) -> Graph {
        var graph = self
        var known = Set(outputs.map(\.name))
        for value in values where known.insert(value).inserted {
            let type = types[value] ?? TensorType(elementType: .float32, dimensions: nil)
            graph.outputs.append(Value(name: value, type: type))
        }
        return graph
    }
}

extension TensorType {
    /// Whether one tensor can have both types.
    fileprivate func isCompatible(with other: TensorType) -> Bool {
        guard elementType == other.elementType else { return false }
        guard let dimensions, let others = other.dimensions else { return true }
        return dimensions.count == others.count
            && zip(dimensions, others).allSatisfy { left, right in
                guard let first = left.fixedValue, let second = right.fixedValue else { return true }
                return first == second
            }
    }
}
