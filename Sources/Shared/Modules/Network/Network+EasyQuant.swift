public import Conversion
internal import Execution
internal import Graphs
public import Quantization
public import Tensors

/// What the search for scales did to one part of a module.
public struct EasyQuantOutcome: Sendable, Hashable {
    /// The module's path.
    public let path: String
    /// Weight or result.
    public let part: ModulePart
    /// The scale before.
    public let original: Float
    /// The scale that was found; `nil` when no candidate was better than none, and the original stays.
    public let found: Float?
}

extension Network {
    /// Searches scales of passive observers so that rounded results point where float ones do.
    ///
    /// For one QAT module after the other, first of its weight, then of its result: of evenly spaced multiples of the scale that
    /// has the largest mean cosine similarity between the float result (of the float network so far) and the rounded one (of the
    /// rounded network so far). The network is looked at as in `eval`.
    ///
    /// - Parameters:
    ///   - data: One batch.
    ///   - search: Which multiples.
    /// - Returns: What was found, in the order of the search.
    /// - Throws: `ModuleError` when a module's observer is not passive; `ExecutionError`.
    @discardableResult
    public mutating func applyEasyQuant(
        _ data: [String: Tensor], search: EasyQuantSearch = EasyQuantSearch()
    ) throws -> [EasyQuantOutcome] {
        var (float, rounded) = (data, data)
        for (name, tensor) in graph.initializers where float[name] == nil {
            (float[name], rounded[name]) = (tensor, tensor)
        }
        var outcomes: [EasyQuantOutcome] = []
        for node in graph.nodes {
            if case .module(let module) = node.op, case .qat = module.family {
                outcomes += try searchScales(of: node, search, float, rounded)
            }
            let plain = try run(node, float, rounds: false)
            let result = try run(node, rounded, rounds: true)
            for name in node.outputs where !name.isEmpty {
                (float[name], rounded[name]) = (plain[name], result[name])
            }
        }
        return outcomes
    }

    private mutating func searchScales(
        of node: Node, _ search: EasyQuantSearch, _ float: [String: Tensor], _ rounded: [String: Tensor]
    ) throws -> [EasyQuantOutcome] {
        guard let reference = try run(node, float, rounds: false)[node.outputs[0]],
            let samples = reference.shape.dimensions.first
        else { return [] }
        var outcomes: [EasyQuantOutcome] = []
        for part in ModulePart.allCases {
            guard let name = node.parameter("\(part.rawValue)_observer.scale"),
                let original = try graph.quantParameters(of: node, part)?.scale
            else { continue }
            let found = try search.best(around: original) { scale in
                graph.initializers[name] = Tensor(shape: [1], elements: [scale])
                guard let result = try run(node, rounded, rounds: true)[node.outputs[0]] else { return 0 }
                return reference.withElements(as: Float.self) { left in
                    result.withElements(as: Float.self) { right in
                        EasyQuantSearch.meanCosineSimilarity(left, right, sampleCount: max(samples, 1))
                    }
                }
            }
            graph.initializers[name] = Tensor(shape: [1], elements: [found ?? original])
            outcomes.append(EasyQuantOutcome(path: node.modulePath, part: part, original: original, found: found))
        }
        return outcomes
    }

    /// The outputs of one node alone, as in `eval`, with fake quantizers on or off.
    private func run(_ node: Node, _ values: [String: Tensor], rounds: Bool) throws -> [String: Tensor] {
        var single = Graph(name: node.name, inputs: [], outputs: [], nodes: [node])
        for name in node.inputs where !name.isEmpty {
            if let tensor = graph.initializers[name] {
                single.initializers[name] = tensor
            } else if let tensor = values[name], !single.inputs.contains(where: { $0.name == name }) {
                single.inputs.append(
                    .init(
                        name: name,
                        type: TensorType(
                            elementType: tensor.elementType, dimensions: tensor.shape.dimensions.map { .fixed($0) })))
            }
        }
        single.outputs = node.outputs.filter { !$0.isEmpty }.map {
            .init(name: $0, type: TensorType(elementType: .float32, dimensions: nil))
        }
        if rounds { single.enableFakeQuant() } else { single.disableFakeQuant() }
        single.disableObserver()
        let expanded = try single.expandingModules(isTraining: false).graph
        let inputs = Dictionary(
            uniqueKeysWithValues: single.inputs.compactMap { input in
                values[input.name].map { (input.name, $0) }
            })
        return try AcceleratedExecutor(expanded).run(inputs, tap: nil)
    }
}
