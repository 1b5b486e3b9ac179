public import Graphs
import Quantization
import Tensors

/// One expansion.
struct ModuleExpander {
    /// Scale of a value that comes straight from a QAT module.
    struct Carried {
        /// Name of the value that holds the scale.
        let scale: String
        let dtype: QuantDtype
        let mode: QuantMode
    }

    let source: Graph
    let isTraining: Bool
    let types: [String: TensorType]
    private(set) var graph: Graph
    private var names: NameSource
    private var nodes: [Node] = []
    private var trained: [String] = []
    private var trainedSet: Set<String> = []
    private var observations: [StateObservation] = []
    /// By the name of the value.
    var carried: [String: Carried] = [:]

    init(_ graph: Graph, isTraining: Bool) {
        source = graph
        self.isTraining = isTraining
        self.graph = graph
        names = NameSource(graph)
        // What does not fit together is said, with the node's name, by the executor.
        types = (try? ShapeInference.infer(graph)) ?? [:]
    }

    mutating func run() throws(ModuleError) -> ExpandedModules {
        for node in source.nodes {
            switch node.op {
            case .module(let module): try expand(node, module)
            case .batchNormalization(let attributes) where isTraining:
                note(trained: [node.inputs[1], node.inputs[2]])
                normalize(
                    node.inputs[0], attributes, Array(node.inputs.dropFirst()), as: node.outputs[0], path: node.name)
            default:
                note(trained: source.trainedInputs(of: node))
                nodes.append(node)
            }
        }
        graph.nodes = nodes
        var returned = Set(graph.outputs.map(\.name))
        for value in observations.flatMap(\.values) where returned.insert(value).inserted {
            graph.outputs.append(.init(name: value, type: TensorType(elementType: .float32, dimensions: nil)))
        }
        return ExpandedModules(graph: graph, trained: trained, observations: observations)
    }

    private mutating func expand(_ node: Node, _ module: ModuleOperator) throws(ModuleError) {
        for parameter in module.parameters where !parameter.isOptional && node.parameter(parameter.key) == nil {
            throw .missingParameter(path: node.modulePath, key: parameter.key)
        }
        switch module.family {
        case .quantized:
            guard !isTraining else { throw .inferenceOnly(path: node.modulePath, name: module.name) }
            nodes.append(node)
        case .float:
            note(trained: module.parameters.filter { $0.role == .trained }.compactMap { node.parameter($0.key) })
            try expandFloat(node, module.kind, as: node.outputs[0])
        case .qat(let settings):
            note(trained: module.parameters.filter { $0.role == .trained }.compactMap { node.parameter($0.key) })
            try expandQAT(node, module.kind, settings)
        }
    }

    // MARK: Writing

    /// Adds a node with one output and gives the output's name.
    @discardableResult
    mutating func emit(_ op: Operator, _ inputs: [String], path: String, as output: String? = nil) -> String {
        let name = names.unused("\(path)/\(op.name)")
        let output = output ?? names.unused("\(path)/\(op.name)_output")
        nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
        return output
    }

    /// Adds a node as it is, under a name of its own.
    mutating func append(_ op: Operator, _ inputs: [String], outputs: [String], path: String) {
        nodes.append(Node(name: names.unused("\(path)/\(op.name)"), op: op, inputs: inputs, outputs: outputs))
    }

    /// A name that nothing has yet.
    mutating func unused(_ base: String) -> String { names.unused(base) }

    /// Adds a constant.
    mutating func constant(_ tensor: Tensor, path: String) -> String {
        let name = names.unused("\(path)/constant")
        graph.initializers[name] = tensor
        return name
    }

    mutating func note(_ observation: StateObservation) { observations.append(observation) }

    private mutating func note(trained names: [String]) {
        for name in names where trainedSet.insert(name).inserted { trained.append(name) }
    }

    /// A normalization with the statistics of the batch in training, else with the running ones.
    ///
    /// `parameters` are scale, bias, running mean and running variance.
    mutating func normalize(
        _ value: String, _ attributes: BatchNormalizationAttributes, _ parameters: [String], as output: String,
        path: String
    ) {
        guard isTraining else {
            emit(.batchNormalization(attributes), [value] + parameters, path: path, as: output)
            return
        }
        let (mean, variance) = (names.unused("\(path)/batch_mean"), names.unused("\(path)/batch_var"))
        // Momentum 0 gives the statistics of the batch themselves.
        let op = Operator.batchNormalization(
            BatchNormalizationAttributes(epsilon: attributes.epsilon, momentum: 0, trainingMode: true))
        append(op, [value] + parameters, outputs: [output, mean, variance], path: path)
        note(
            .normalization(
                runningMean: parameters[2], runningVariance: parameters[3], momentum: attributes.momentum, mean: mean,
                variance: variance, source: value))
    }
}

extension Graph {
    /// The float32 initializers that an ordinary layer reads as parameters.
    func trainedInputs(of node: Node) -> [String] {
        let positions: Range<Int>
        switch node.op {
        case .convolution, .transposedConvolution, .gemm, .matMul, .layerNormalization, .lstm, .gru, .rnn:
            positions = 1..<5
        case .batchNormalization: positions = 1..<3
        case .binary, .variadic: positions = 0..<node.inputs.count
        case .gather: positions = 0..<1
        default: return []
        }
        return positions.compactMap { node.input($0) }.filter { name in
            // Single numbers are constants of the model's code.
            initializers[name].map { $0.elementType == .float32 && $0.shape.rank > 0 && $0.elementCount > 1 } ?? false
        }
    }
}

extension Node {
    /// The module's path; the node's name when it is not known.
    public var modulePath: String { module?.path ?? name }
}
