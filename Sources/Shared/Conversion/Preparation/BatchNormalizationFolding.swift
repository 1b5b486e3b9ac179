public import Graphs
import Tensors

/// Moves a `BatchNormalization` into the weight and bias of the `Conv`, `ConvTranspose` or `Gemm` before it.
///
/// For each output channel, `factor = scale / sqrt(variance + epsilon)`; the weight is multiplied by it and the bias
/// becomes `(bias - mean) * factor + shift`. The arithmetic is in `Double` and rounded once, to `Float`.
///
/// A normalization is folded when it is in inference form, nothing else reads the value between the two nodes, that value
/// is not a graph output, and all constants are `float32`. A weight or bias that other nodes read too stays as it is,
/// and the folded node gets its own copy.
public enum BatchNormalizationFolding {
    /// Folds every normalization that can be folded.
    ///
    /// - Returns: A graph that is equivalent up to rounding, and the folded nodes, in node order.
    public static func apply(to graph: Graph) -> (graph: Graph, rewrites: [Rewrite]) {
        var result = graph
        var rewrites: [Rewrite] = []
        var names = NameSource(graph)
        // A folded node and its host, so that a second normalization in a row folds into the same host.
        var hosts: [Int: Int] = [:]
        let index = GraphIndex(graph)
        for (position, node) in graph.nodes.enumerated() {
            guard let normalization = Normalization(node, in: result),
                let producer = index.producingNode(of: node.inputs[0]),
                index.soleReader(of: node.inputs[0]) == NodeInput(node: position, input: 0)
            else { continue }
            let hostPosition = hosts[producer] ?? producer
            let hostNode = result.nodes[hostPosition]
            guard var host = Host(hostNode, position: hostPosition, in: result, index: index), host.fold(normalization)
            else { continue }
            host.write(to: &result, output: node.outputs[0], names: &names)
            hosts[position] = hostPosition
            rewrites.append(
                Rewrite(node: node.name, operatorName: node.op.name, action: .folded(into: hostNode.name)))
        }
        result.nodes = result.nodes.enumerated().filter { hosts[$0.offset] == nil }.map(\.element)
        return (result, rewrites)
    }
}

/// The constants of a normalization as one factor and one shift per channel: `y = (x - mean) * factor + shift`.
private struct Normalization {
    var mean: [Double] = []
    var factor: [Double] = []
    var shift: [Double] = []

    init?(_ node: Node, in graph: Graph) {
        guard case .batchNormalization(let attributes) = node.op, !attributes.trainingMode, node.inputs.count == 5,
            !node.outputs.dropFirst().contains(where: { !$0.isEmpty })
        else { return nil }
        let constants = node.inputs.dropFirst().compactMap { graph.floatConstant($0) }
        guard constants.count == 4, constants.allSatisfy({ $0.count == constants[0].count }) else { return nil }
        let variance = constants[3]
        for channel in variance.indices {
            let spread = Double(variance[channel]) + Double(attributes.epsilon)
            // A float model with such a variance returns NaN or infinity; folding must not hide that.
            guard spread > 0, spread.isFinite else { return nil }
            factor.append(Double(constants[0][channel]) / spread.squareRoot())
            shift.append(Double(constants[1][channel]))
            mean.append(Double(constants[2][channel]))
        }
    }
}

/// A node that can take up a normalization, with its constants.
private struct Host {
    private let position: Int
    private let node: Node
    private let weightShape: Shape
    private var weight: [Float]
    private var bias: [Float]?
    private let weightIsShared: Bool
    private let biasIsShared: Bool
    private let channelCount: Int

    init?(_ node: Node, position: Int, in graph: Graph, index: GraphIndex) {
        guard let weightName = node.input(1), let weight = graph.floatConstant(weightName),
            let shape = graph.initializers[weightName]?.shape,
            let channelCount = Self.channelCount(of: node.op, weight: shape)
        else { return nil }
        self.position = position
        self.node = node
        self.weight = weight
        self.weightShape = shape
        self.channelCount = channelCount
        weightIsShared = index.soleReader(of: weightName) != NodeInput(node: position, input: 1)
        guard let biasName = node.input(2) else {
            bias = nil
            biasIsShared = false
            return
        }
        guard let bias = graph.floatConstant(biasName), let biasShape = graph.initializers[biasName]?.shape,
            let row = Self.spread(bias, shape: biasShape, over: channelCount)
        else { return nil }
        self.bias = row
        biasIsShared = index.soleReader(of: biasName) != NodeInput(node: position, input: 2)
    }

    /// Number of output channels, or `nil` when the operator is no host.
    private static func channelCount(of op: Operator, weight: Shape) -> Int? {
        switch op {
        case .convolution where weight.rank >= 3:
            return weight[0]
        case .transposedConvolution(let attributes) where weight.rank >= 3:
            let groups = attributes.convolution.groups
            return groups > 0 && weight[0] % groups == 0 ? weight[1] * groups : nil
        case .gemm(let attributes) where weight.rank == 2:
            return attributes.transposeB ? weight[0] : weight[1]
        default:
            return nil
        }
    }

    /// A bias as one element per channel; `nil` when it differs from row to row.
    private static func spread(_ bias: [Float], shape: Shape, over count: Int) -> [Float]? {
        if bias.count == 1 { return [Float](repeating: bias[0], count: count) }
        guard bias.count == count, shape.dimensions.last == count else { return nil }
        return bias
    }

    /// Multiplies the constants; false when the channels do not fit.
    mutating func fold(_ normalization: Normalization) -> Bool {
        guard normalization.factor.count == channelCount, channelCount > 0 else { return false }
        for element in weight.indices {
            weight[element] = Float(Double(weight[element]) * normalization.factor[channel(ofWeight: element)])
        }
        var beta = 1.0
        if case .gemm(let attributes) = node.op { beta = Double(attributes.beta) }
        bias = (0..<channelCount).map { channel in
            let old = beta * Double(bias?[channel] ?? 0)
            return Float(
                (old - normalization.mean[channel]) * normalization.factor[channel] + normalization.shift[channel])
        }
        return true
    }

    /// The output channel that an element of the weight belongs to.
    private func channel(ofWeight element: Int) -> Int {
        switch node.op {
        case .transposedConvolution(let attributes):
            let strides = weightShape.rowMajorStrides
            let groupSize = weightShape[0] / attributes.convolution.groups
            return element / strides[0] / groupSize * weightShape[1] + element / strides[1] % weightShape[1]
        case .gemm(let attributes) where !attributes.transposeB:
            return element % weightShape[1]
        default:
            return element / (weightShape.elementCount / weightShape[0])
        }
    }

    /// Stores the constants and lets the node write what the normalization wrote.
    func write(to graph: inout Graph, output: String, names: inout NameSource) {
        var node = node
        let weightName = weightIsShared ? names.unused(node.inputs[1] + "_folded") : node.inputs[1]
        graph.initializers[weightName] = Tensor(shape: weightShape, elements: weight)
        node.inputs[1] = weightName

        let biasName: String
        if let existing = node.input(2) {
            biasName = biasIsShared ? names.unused(existing + "_folded") : existing
        } else {
            biasName = names.unused(Self.biasName(forWeight: node.inputs[1]))
            node.inputs = [node.inputs[0], node.inputs[1], biasName]
        }
        node.inputs[2] = biasName
        graph.initializers[biasName] = Tensor(shape: [channelCount], elements: bias ?? [])
        if case .gemm(var attributes) = node.op {
            attributes.beta = 1
            node.op = .gemm(attributes)
        }
        node.outputs[0] = output
        graph.nodes[position] = node
    }

    /// `conv.bias` for `conv.weight`, as state dicts name it, else the weight's name with `_bias`.
    private static func biasName(forWeight name: String) -> String {
        name.hasSuffix(".weight") ? name.dropLast("weight".count) + "bias" : name + "_bias"
    }
}

extension Graph {
    /// The elements of a `float32` initializer, or `nil` when there is none of that name and type.
    func floatConstant(_ name: String) -> [Float]? {
        guard let tensor = initializers[name], tensor.elementType == .float32 else { return nil }
        return tensor.elements(as: Float.self)
    }
}
