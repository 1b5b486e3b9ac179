import Graphs
import Tensors

/// Nodes that a compiled graph computes together, and what it costs.
struct TracedKernel {
    /// The nodes, in order.
    let nodes: [Node]
    /// Their work, without the values that stay inside.
    let work: NodeWork
    /// Whether the host computes it.
    let isOnHost: Bool
    /// Values that come out, with their bytes on the device.
    let outputs: [(name: String, bytes: Int)]
    /// Values from other kernels or the inputs, with their bytes.
    let inputs: [(name: String, bytes: Int)]
    /// Values that nobody reads after this kernel.
    var dead: [String] = []

    /// For reports.
    var name: String { nodes.map(\.name).joined(separator: " + ") }
}

/// How the nodes of a graph fall into kernels.
struct TracedPlan {
    /// In the order of execution.
    private(set) var kernels: [TracedKernel] = []
    /// Nodes that the device has no kernel for.
    private(set) var fallbacks: [TracedBackend.Fallback] = []

    private let graph: Graph
    private let index: GraphIndex
    private let types: [String: NodeWork.Operand]

    /// Groups nodes as the executor's plan does.
    ///
    /// - Parameters:
    ///   - graph: The graph.
    ///   - index: Its index.
    ///   - types: Types of all values.
    ///   - steps: Names of the nodes of each step; nodes that are in no step were folded away.
    init(graph: Graph, index: GraphIndex, types: [String: NodeWork.Operand], steps: [[String]]) {
        self.graph = graph
        self.index = index
        self.types = types
        let nodes = Dictionary(graph.nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var seen: Set<String> = []
        for step in steps {
            let members = step.compactMap { nodes[$0] }.filter { seen.insert($0.name).inserted }
            if !members.isEmpty { add(members) }
        }
        let dead = graph.lastReads(of: kernels.map { ($0.inputs + $0.outputs).map(\.name) })
        for (position, names) in dead.enumerated() { kernels[position].dead = names }
    }

    private mutating func add(_ members: [Node]) {
        var isOnHost = false
        for node in members {
            guard let reason = node.hostReason(in: index, graph: graph, elementType: { types[$0]?.elementType }) else {
                continue
            }
            isOnHost = true
            fallbacks.append(
                TracedBackend.Fallback(node: node.name, operatorName: node.op.name, reason: reason.description))
        }
        let inside = Set(members.flatMap(\.outputs))
        let produced = members.flatMap(\.outputs).filter { name in
            !name.isEmpty
                && (index.isGraphOutput(name)
                    || index.readers(of: name).contains { place in
                        !members.contains { $0.name == graph.nodes[place.node].name }
                    })
        }
        var work = NodeWork()
        var inputs: [String: Int] = [:]
        for node in members {
            let arithmetic = node.arithmetic(index, graph)
            let own = NodeWork(
                node, inputs: node.inputs.map { types[$0] }, outputs: node.outputs.map { types[$0] },
                arithmetic: arithmetic)
            if own.products > 0 { work.arithmetic = arithmetic }
            work.products += own.products
            work.elements += own.elements
            for (position, name) in node.inputs.enumerated() where !name.isEmpty && !inside.contains(name) {
                if graph.initializers[name] != nil {
                    work.bytesRead += graph.parameterBytes(node, position, name)
                } else {
                    inputs[name] = deviceBytes(name)
                }
            }
        }
        let outputs = produced.map { (name: $0, bytes: deviceBytes($0)) }
        work.bytesRead += inputs.values.reduce(0, +)
        work.bytesWritten = outputs.reduce(0) { $0 + $1.bytes }
        kernels.append(
            TracedKernel(
                nodes: members, work: work, isOnHost: isOnHost, outputs: outputs,
                inputs: inputs.sorted { $0.key < $1.key }.map { (name: $0.key, bytes: $0.value) }))
    }

    /// Bytes of an activation: integers when only modules of one format read it.
    private func deviceBytes(_ name: String) -> Int {
        guard let type = types[name] else { return 0 }
        let readers = index.readers(of: name)
        guard !index.isGraphOutput(name), !readers.isEmpty else { return type.byteCount }
        var width = 1
        for place in readers {
            let node = graph.nodes[place.node]
            guard case .mlu = node.op, place.input == MLUInput.data.rawValue, node.input(.inputMean) == nil else {
                return type.byteCount
            }
            if node.moduleArithmetic(graph.initializers) == .int16 { width = 2 }
        }
        return type.shape.elementCount * width
    }
}

extension Graph {
    /// Whether only firstconv modules read a value, so that raw pixels can stand for it.
    func isReadByFirstconvOnly(_ name: String, _ index: GraphIndex) -> Bool {
        let readers = index.readers(of: name)
        return !readers.isEmpty
            && readers.allSatisfy {
                if case .mlu = nodes[$0.node].op { nodes[$0.node].input(.inputMean) != nil } else { false }
            }
    }
}
