public import Graphs

extension Graph {
    /// Puts a QuantStub where a module reads a value that is not quantized, and a DequantStub where anything else reads one that is.
    ///
    /// Modules whose quantization is disabled count as anything else. Pooling with maxima and operators that only move elements
    /// pass quantized values on. A value gets one stub of a kind, named after it. Stubs that are there stay.
    public mutating func insertStubs() {
        var insertion = StubInsertion(self)
        self = insertion.run()
    }
}

/// One insertion.
private struct StubInsertion {
    private var graph: Graph
    private var names: NameSource
    private var nodes: [Node] = []
    private var quantized: Set<String> = []
    private var quantStubs: [String: String] = [:]
    private var dequantStubs: [String: String] = [:]

    init(_ graph: Graph) {
        self.graph = graph
        names = NameSource(graph)
    }

    mutating func run() -> Graph {
        for node in graph.nodes { add(node) }
        for index in graph.outputs.indices where quantized.contains(graph.outputs[index].name) {
            returnReal(at: index)
        }
        graph.nodes = nodes
        return graph
    }

    private mutating func add(_ node: Node) {
        var node = node
        if node.passesQuantizedValues, let first = node.inputs.first, quantized.contains(first) {
            quantized.formUnion(node.outputs.prefix(1))
            nodes.append(node)
            return
        }
        guard case .module(let module) = node.op, !module.disablesQuantization else {
            for index in node.inputs.indices where quantized.contains(node.inputs[index]) {
                node.inputs[index] = real(node.inputs[index])
            }
            nodes.append(node)
            return
        }
        switch module.kind {
        case .quantStub: quantized.insert(node.outputs[0])
        case .dequantStub: break
        default:
            for index in 0..<module.kind.dataCount where !quantized.contains(node.inputs[index]) {
                node.inputs[index] = integer(node.inputs[index])
            }
            quantized.insert(node.outputs[0])
        }
        nodes.append(node)
    }

    private mutating func integer(_ value: String) -> String {
        if let known = quantStubs[value] { return known }
        let result = stub(.quantStub, value, suffix: "quant")
        quantStubs[value] = result
        quantized.insert(result)
        return result
    }

    private mutating func real(_ value: String) -> String {
        if let known = dequantStubs[value] { return known }
        let result = stub(.dequantStub, value, suffix: "dequant")
        dequantStubs[value] = result
        return result
    }

    private mutating func stub(_ kind: ModuleKind, _ value: String, suffix: String, as output: String? = nil) -> String
    {
        let path = names.unused("\(value).\(suffix)")
        let output = output ?? names.unused("\(path)_output")
        nodes.append(
            Node(
                name: path, op: .module(ModuleOperator(kind)), inputs: [value], outputs: [output],
                module: ModuleOrigin(path: path, className: kind.name)))
        return output
    }

    /// Gives an output's name to what stands behind a DequantStub; what made it gets another.
    private mutating func returnReal(at index: Int) {
        let name = graph.outputs[index].name
        let inner = names.unused(name + "_quantized")
        for position in nodes.indices {
            nodes[position].outputs = nodes[position].outputs.map { $0 == name ? inner : $0 }
            nodes[position].inputs = nodes[position].inputs.map { $0 == name ? inner : $0 }
        }
        quantized.remove(name)
        quantized.insert(inner)
        _ = stub(.dequantStub, inner, suffix: "dequant", as: name)
    }
}

extension Node {
    /// Whether integers go through the node as they are, or the rectified or averaged ones of the same scale do.
    var passesQuantizedValues: Bool {
        switch op {
        case .maxPool, .globalMaxPool, .flatten, .reshape, .transpose, .squeeze, .unsqueeze, .identity, .slice, .expand,
            .averagePool, .globalAveragePool, .dropout, .gather:
            true
        default: false
        }
    }
}
