import Graphs
import Kernels
import Tensors

/// Finds constants, types and shapes of a graph for given input shapes.
struct GraphResolver {
    /// The graph.
    let graph: Graph
    /// Values that must be computed although nothing may read them.
    let observed: Set<String>
    /// Initializers, and what depends on nothing else.
    let fixedConstants: [String: Tensor]
    private let arithmetic: MLUArithmetic

    /// Folds what depends on initializers only.
    init(graph: Graph, observed: Set<String>, arithmetic: MLUArithmetic) {
        self.graph = graph
        self.observed = observed
        self.arithmetic = arithmetic
        var constants = graph.initializers
        for node in graph.nodes { Self.fold(node, into: &constants, arithmetic) }
        fixedConstants = constants
    }

    /// Computes a node whose inputs are all constant.
    ///
    /// One that cannot be computed fails when it runs, with its name.
    private static func fold(
        _ node: Node, into constants: inout [String: Tensor], _ arithmetic: MLUArithmetic
    ) {
        var operands: [Tensor?] = []
        for name in node.inputs {
            guard !name.isEmpty else {
                operands.append(nil)
                continue
            }
            guard let constant = constants[name] else { return }
            operands.append(constant)
        }
        guard
            let results = try? ReferenceKernels.evaluate(
                node.op, inputs: operands, outputCount: node.outputs.count, arithmetic: arithmetic)
        else { return }
        for (name, tensor) in zip(node.outputs, results) where !name.isEmpty { constants[name] = tensor }
    }

    /// Resolves the graph for input shapes.
    ///
    /// - Returns: `nil` when shapes depend on the elements of inputs, or when a node runs graphs of its own.
    /// - Throws: `ExecutionError.node` when a node cannot take what it gets.
    func resolve(inputs: [ResolvedType]) throws(ExecutionError) -> ResolvedGraph? {
        guard graph.nodes.allSatisfy(\.bodies.isEmpty) else { return nil }
        var constants = fixedConstants
        var types = constants.mapValues { ResolvedType(elementType: $0.elementType, shape: $0.shape) }
        for (value, type) in zip(graph.inputs, inputs) { types[value.name] = type }
        for node in graph.nodes {
            if node.outputs.allSatisfy({ $0.isEmpty || constants[$0] != nil }) { continue }
            if case .shape(let start, let end) = node.op, let type = types[node.inputs[0]] {
                constants[node.outputs[0]] = type.shape.part(start: start, end: end)
            } else {
                Self.fold(node, into: &constants, arithmetic)
            }
            for name in node.outputs {
                guard let tensor = constants[name] else { continue }
                types[name] = ResolvedType(elementType: tensor.elementType, shape: tensor.shape)
            }
            if node.outputs.allSatisfy({ $0.isEmpty || constants[$0] != nil }) { continue }
            guard let outputs = try outputTypes(of: node, types: types, constants: constants) else { return nil }
            for (name, type) in zip(node.outputs, outputs) where !name.isEmpty { types[name] = type }
        }
        for name in observed.sorted() {
            guard let type = types[name] else { throw .unknownValue(name: name) }
            guard type.elementType == .float32 else {
                throw .inputMismatch(
                    name: name, expected: "float32, because it is observed", actual: "\(type.elementType)")
            }
        }
        return ResolvedGraph(
            graph: graph, constants: constants, fixedConstants: Set(fixedConstants.keys), types: types,
            liveNodes: liveNodes(constants))
    }

    private func liveNodes(_ constants: [String: Tensor]) -> [Int] {
        var needed = observed.union(graph.outputs.map(\.name))
        var live: [Int] = []
        for (index, node) in graph.nodes.enumerated().reversed() {
            let wanted = node.outputs.contains { needed.contains($0) && constants[$0] == nil }
            guard wanted else { continue }
            live.append(index)
            needed.formUnion(node.inputs.filter { !$0.isEmpty })
        }
        return live.reversed()
    }
}

extension Shape {
    /// The extents from `start` up to `end` as an int64 tensor, with the meaning of ONNX's Shape.
    fileprivate func part(start: Int, end: Int?) -> Tensor {
        func clamped(_ index: Int) -> Int { min(max(index < 0 ? index + rank : index, 0), rank) }
        let first = clamped(start)
        let last = max(end.map(clamped) ?? rank, first)
        let part = dimensions[first..<last].map(Int64.init)
        return Tensor(shape: [part.count], elements: part)
    }
}
