import Graphs

/// One place where a node reads a value.
struct NodeInput: Hashable {
    /// Index of the node in the graph.
    var node: Int
    /// Index of the input in the node.
    var input: Int
}

/// Who writes and who reads each value of a graph, as of the moment it was made.
struct GraphIndex {
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

/// Hands out value and node names that a graph does not use yet.
struct NameSource {
    private var used: Set<String>

    init(_ graph: Graph) {
        used = Set(graph.initializers.keys)
        used.formUnion(graph.inputs.map(\.name))
        used.formUnion(graph.outputs.map(\.name))
        for node in graph.nodes {
            used.insert(node.name)
            used.formUnion(node.outputs)
        }
    }

    /// `base` when it is free, else `base` with the smallest number behind it that is free.
    mutating func unused(_ base: String) -> String {
        var name = base
        var number = 0
        while !used.insert(name).inserted {
            name = base + String(number)
            number += 1
        }
        return name
    }
}
