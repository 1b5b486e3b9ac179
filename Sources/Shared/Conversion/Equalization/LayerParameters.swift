import Graphs
import Tensors

/// The parameters of layers while their channels are scaled.
struct LayerParameters {
    private(set) var graph: Graph

    init(_ graph: Graph) {
        self.graph = graph
    }

    /// Largest magnitude of the first layer's weights for each of its output channels, as they are when the normalization is folded.
    func outputRanges(of pair: EqualizablePair) -> [Float] {
        let weights = outputWeights(pair.first)
        let scales = pair.normalization.map(normalizationFactors)
        return weights.enumerated().map { channel, weights in
            let range = weights.reduce(0) { max($0, $1.magnitude) }
            return range * (scales?[channel].magnitude ?? 1)
        }
    }

    /// Largest magnitude of the second layer's weights for each of its input channels, as they are when its normalization is folded.
    func inputRanges(of pair: EqualizablePair) -> [Float] {
        let (values, places) = (elements(graph.nodes[pair.second], 1), inputChannels(pair.second))
        let scales = pair.secondNormalization.map(normalizationFactors)
        let outputs = outputChannels(pair.second)
        var ranges = [Float](repeating: 0, count: (places.max() ?? -1) + 1)
        for (index, channel) in places.enumerated() {
            let scale = scales?[outputs[index]].magnitude ?? 1
            ranges[channel] = max(ranges[channel], values[index].magnitude * scale)
        }
        return ranges
    }

    /// Largest by smallest range of the first layer's channels.
    func spread(of pair: EqualizablePair) -> Float {
        let ranges = outputRanges(of: pair).filter { $0 > 0 }
        guard let smallest = ranges.min(), let largest = ranges.max() else { return 1 }
        return largest / smallest
    }

    /// Multiplies the channels of the first layer, and divides them in the second.
    mutating func scale(_ pair: EqualizablePair, by factors: [Float]) {
        if let normalization = pair.normalization {
            for input in [1, 2] { change(graph.nodes[normalization], input) { zip($0, factors).map { $0 * $1 } } }
        } else {
            let places = outputChannels(pair.first)
            change(graph.nodes[pair.first], 1) { zip($0, places).map { $0 * factors[$1] } }
            change(graph.nodes[pair.first], 2) { zip($0, factors).map { $0 * $1 } }
        }
        let places = inputChannels(pair.second)
        change(graph.nodes[pair.second], 1) { zip($0, places).map { $0 / factors[$1] } }
    }

    // MARK: Layout

    private func elements(_ node: Node, _ input: Int) -> [Float] {
        node.input(input).flatMap { graph.initializers[$0] }?.elements(as: Float.self) ?? []
    }

    private func shape(_ node: Node, _ input: Int) -> Shape {
        node.input(input).flatMap { graph.initializers[$0] }?.shape ?? []
    }

    private mutating func change(_ node: Node, _ input: Int, _ function: ([Float]) -> [Float]) {
        guard let name = node.input(input), let tensor = graph.initializers[name] else { return }
        graph.initializers[name] = Tensor(shape: tensor.shape, elements: function(tensor.elements(as: Float.self)))
    }

    private func normalizationFactors(_ position: Int) -> [Float] {
        let node = graph.nodes[position]
        guard case .batchNormalization(let attributes) = node.op else { return [] }
        return zip(elements(node, 1), elements(node, 4)).map { $0 / ($1 + attributes.epsilon).squareRoot() }
    }

    private func outputWeights(_ position: Int) -> [[Float]] {
        let places = outputChannels(position)
        var weights = [[Float]](repeating: [], count: (places.max() ?? -1) + 1)
        for (value, channel) in zip(elements(graph.nodes[position], 1), places) { weights[channel].append(value) }
        return weights
    }

    /// For each weight in row-major order the channel of the result that it belongs to.
    private func outputChannels(_ position: Int) -> [Int] {
        let node = graph.nodes[position]
        let shape = shape(node, 1)
        let inner = shape.elementCount / max(shape[0], 1)
        if case .gemm(let attributes) = node.op, !attributes.transposeB {
            return (0..<shape.elementCount).map { $0 % shape[1] }
        }
        return (0..<shape.elementCount).map { $0 / max(inner, 1) }
    }

    /// For each weight in row-major order the channel of the data that it is multiplied with.
    private func inputChannels(_ position: Int) -> [Int] {
        let node = graph.nodes[position]
        let shape = shape(node, 1)
        switch node.op {
        case .convolution(let attributes):
            let kernel = shape.dimensions[2...].reduce(1, *)
            let (width, outputs) = (shape[1], shape[0] / max(attributes.groups, 1))
            return (0..<shape.elementCount).map { place in
                let (output, within) = (place / (width * kernel), place / kernel % width)
                return output / max(outputs, 1) * width + within
            }
        case .gemm(let attributes):
            return (0..<shape.elementCount).map { attributes.transposeB ? $0 % shape[1] : $0 / shape[1] }
        default: return []
        }
    }
}
