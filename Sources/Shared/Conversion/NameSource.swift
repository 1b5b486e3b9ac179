import Graphs

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
