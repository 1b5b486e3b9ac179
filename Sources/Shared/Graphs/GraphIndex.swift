/// One place where a node reads a value.
public struct NodeInput: Hashable, Sendable {
    /// Position of the node in the graph.
    public var node: Int
    /// Position of the input in the node.
    public var input: Int

    /// Names a place.
    public init(node: Int, input: Int) {
        self.node = node
        self.input = input
    }
}

/// Who writes and who reads each value of a graph.
///
/// A snapshot: after the graph changes, make a new one. When a value has several producers (an invalid graph) the first
/// one in the order inputs, initializers, nodes is kept.
public struct GraphIndex: Sendable {
    /// Where a value comes from.
    public enum Producer: Hashable, Sendable {
        /// The graph input with this position.
        case input(Int)
        /// An initializer.
        case initializer
        /// Output `output` of the node with this position.
        case node(Int, output: Int)
    }

    private var producers: [String: Producer] = [:]
    private var places: [String: [NodeInput]] = [:]
    private var outputNames: Set<String> = []

    /// Indexes a graph.
    public init(_ graph: Graph) {
        for (position, node) in graph.nodes.enumerated().reversed() {
            for (output, name) in node.outputs.enumerated().reversed() where !name.isEmpty {
                producers[name] = .node(position, output: output)
            }
        }
        for name in graph.initializers.keys { producers[name] = .initializer }
        for (position, input) in graph.inputs.enumerated().reversed() { producers[input.name] = .input(position) }
        for (position, node) in graph.nodes.enumerated() {
            for (input, name) in node.inputs.enumerated() where !name.isEmpty {
                places[name, default: []].append(NodeInput(node: position, input: input))
            }
        }
        outputNames = Set(graph.outputs.map(\.name))
    }

    /// Where the value comes from; `nil` when nothing produces it.
    public func producer(of value: String) -> Producer? {
        producers[value]
    }

    /// The position of the node that writes the value; `nil` when it is an input, an initializer, or undefined.
    public func producingNode(of value: String) -> Int? {
        if case .node(let position, _) = producers[value] { position } else { nil }
    }

    /// Where nodes read the value, in node order; a node that reads it twice is there twice.
    public func readers(of value: String) -> [NodeInput] {
        places[value] ?? []
    }

    /// The only place that reads the value, when there is exactly one and the graph does not return the value.
    public func soleReader(of value: String) -> NodeInput? {
        guard !isGraphOutput(value), let all = places[value], all.count == 1 else { return nil }
        return all[0]
    }

    /// Whether the caller supplies the value.
    public func isGraphInput(_ value: String) -> Bool {
        if case .input = producers[value] { true } else { false }
    }

    /// Whether the value leaves the graph.
    public func isGraphOutput(_ value: String) -> Bool {
        outputNames.contains(value)
    }
}
