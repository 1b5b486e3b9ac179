import Graphs
import Tensors

/// Two layers with nothing between them but what commutes with a positive factor for each channel.
struct EqualizablePair {
    /// Position of the layer whose result has the channels.
    let first: Int
    /// Position of the normalization that follows it directly, if one does.
    let normalization: Int?
    /// Values on the way that a `Clip` has cut off, with the bound.
    let bounds: [(value: String, upper: Float)]
    /// Position of the layer that reads the channels.
    let second: Int
    /// Position of the normalization that follows it directly, if one does.
    let secondNormalization: Int?
}

/// Finds the pairs of a graph.
struct EqualizablePairFinder {
    private let graph: Graph
    private let index: GraphIndex

    init(_ graph: Graph) {
        self.graph = graph
        index = GraphIndex(graph)
    }

    /// All pairs in the order of their first layers.
    func pairs() -> [EqualizablePair] {
        graph.nodes.indices.compactMap(pair)
    }

    private func pair(from first: Int) -> EqualizablePair? {
        guard isLayer(first), hasBiasOfChannels(first) else { return nil }
        var normalization: Int?
        var bounds: [(value: String, upper: Float)] = []
        var value = graph.nodes[first].outputs[0]
        while let place = index.soleReader(of: value), place.input == 0 {
            let node = graph.nodes[place.node]
            if isLayer(place.node) {
                let reader = index.soleReader(of: node.outputs[0])
                return EqualizablePair(
                    first: first, normalization: normalization, bounds: bounds, second: place.node,
                    secondNormalization: reader.flatMap { isNormalization($0.node, at: $0.input) ? $0.node : nil })
            }
            switch node.op {
            case .batchNormalization:
                guard value == graph.nodes[first].outputs[0], isNormalization(place.node, at: 0) else { return nil }
                normalization = place.node
            case .clip:
                guard bound(node, 1) == 0, let upper = bound(node, 2), upper > 0 else { return nil }
                if upper.isFinite { bounds.append((node.outputs[0], upper)) }
            case .unary(.relu), .unary(.leakyRelu), .maxPool, .averagePool, .globalAveragePool, .globalMaxPool,
                .identity, .dropout:
                guard node.outputs.dropFirst().allSatisfy({ index.readers(of: $0).isEmpty }) else { return nil }
            case .flatten(axis: 1):
                // Channels stay channels only where nothing else is flattened with them: behind a global pooling.
                guard let source = index.producingNode(of: value), graph.nodes[source].op.isGlobalPooling else {
                    return nil
                }
            default: return nil
            }
            value = node.outputs[0]
        }
        return nil
    }

    /// Whether a node is a convolution or linear layer whose parameters are constants that nobody else reads.
    private func isLayer(_ position: Int) -> Bool {
        let node = graph.nodes[position]
        switch node.op {
        case .convolution: break
        case .gemm(let attributes):
            guard !attributes.transposeA, attributes.alpha == 1, attributes.beta == 1 else { return false }
        default: return false
        }
        guard isOwnConstant(node, 1) else { return false }
        return node.input(2) == nil || isOwnConstant(node, 2)
    }

    /// Whether a layer's bias, if it has one, is one element for each channel of its result.
    ///
    /// The bias of a Gemm may also be one number for all channels, or differ from row to row.
    private func hasBiasOfChannels(_ position: Int) -> Bool {
        let node = graph.nodes[position]
        guard let bias = node.input(2) else { return true }
        guard let weights = node.input(1).flatMap({ graph.initializers[$0]?.shape }),
            let dimensions = graph.initializers[bias]?.shape.dimensions
        else { return false }
        var channels = weights[0]
        if case .gemm(let attributes) = node.op, !attributes.transposeB { channels = weights[1] }
        return dimensions == [channels] || dimensions == [1, channels]
    }

    /// Whether a node normalizes its input 0 with constants that nobody else reads.
    private func isNormalization(_ position: Int, at input: Int) -> Bool {
        guard case .batchNormalization(let attributes) = graph.nodes[position].op, !attributes.trainingMode, input == 0
        else { return false }
        return (1...4).allSatisfy { isOwnConstant(graph.nodes[position], $0) }
    }

    private func isOwnConstant(_ node: Node, _ input: Int) -> Bool {
        guard let name = node.input(input), let tensor = graph.initializers[name], tensor.elementType == .float32 else {
            return false
        }
        return index.soleReader(of: name) != nil
    }

    /// A bound of a `Clip`: infinite when it is absent, `nil` when it is computed.
    private func bound(_ node: Node, _ input: Int) -> Float? {
        guard let name = node.input(input) else { return input == 1 ? -.infinity : .infinity }
        guard let tensor = graph.initializers[name], tensor.elementType == .float32, tensor.elementCount == 1 else {
            return nil
        }
        return tensor.elements(as: Float.self)[0]
    }
}

extension Operator {
    fileprivate var isGlobalPooling: Bool {
        switch self {
        case .globalAveragePool, .globalMaxPool: true
        default: false
        }
    }
}
