import Graphs

/// One place where a node reads a value.
struct NodeInput: Hashable {
    /// Index of the node in the graph.
    var node: Int
    /// Index of the input in the node.
    var input: Int
}

/// Who reads each value of a graph and at which input, as of the moment it was made.
///
/// `Graphs.GraphIndex` knows the reading nodes only; folding must know that one input is the only use of a constant.
struct ReaderIndex {
    /// Index of the node that writes a value.
    let producers: [String: Int]
    /// Where nodes read a value, in node order; a node that reads it twice is there twice.
    let readers: [String: [NodeInput]]
    /// Names of the graph's outputs.
    let outputs: Set<String>
    /// Names of the graph's inputs.
    let inputs: Set<String>

    init(_ graph: Graph) {
        var producers: [String: Int] = [:]
        var readers: [String: [NodeInput]] = [:]
        for (nodeIndex, node) in graph.nodes.enumerated() {
            for (inputIndex, name) in node.inputs.enumerated() where !name.isEmpty {
                readers[name, default: []].append(NodeInput(node: nodeIndex, input: inputIndex))
            }
            for name in node.outputs where !name.isEmpty {
                producers[name] = nodeIndex
            }
        }
        self.producers = producers
        self.readers = readers
        self.outputs = Set(graph.outputs.map(\.name))
        self.inputs = Set(graph.inputs.map(\.name))
    }

    /// The only place that reads `value`, when there is exactly one and the graph does not return the value.
    func soleReader(of value: String) -> NodeInput? {
        guard !outputs.contains(value), let places = readers[value], places.count == 1 else { return nil }
        return places[0]
    }

    /// Whether nothing but the input at `place` needs the initializer `name`.
    func isReadOnly(_ name: String, at place: NodeInput) -> Bool {
        soleReader(of: name) == place
    }
}
