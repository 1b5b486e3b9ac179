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
    private var consumerLists: [String: [Int]] = [:]
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
            for name in node.inputs where !name.isEmpty && consumerLists[name]?.last != position {
                consumerLists[name, default: []].append(position)
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

    /// Positions of the nodes that read the value, ascending, each once.
    public func consumers(of value: String) -> [Int] {
        consumerLists[value] ?? []
    }

    /// Whether the value leaves the graph.
    public func isGraphOutput(_ value: String) -> Bool {
        outputNames.contains(value)
    }

    /// Whether anything reads the value: a node or the caller of the graph.
    public func isUsed(_ value: String) -> Bool {
        consumerLists[value] != nil || outputNames.contains(value)
    }
}
