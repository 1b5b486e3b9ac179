/// How the accelerated executor computes a node.
public enum KernelChoice: String, Sendable, Hashable {
    /// By a kernel of the library or one of our own, or by another view of memory.
    case fast
    /// By a reference kernel.
    case plain
    /// Once, when the graph is planned.
    case folded
}

extension ExecutionPlan {
    /// The choice for each of the nodes, by name.
    func kernels(of nodes: [String]) -> [String: KernelChoice] {
        let plain = Set(
            steps.flatMap { step in
                if case .reference = step.action { step.nodes } else { [String]() }
            })
        return Dictionary(
            nodes.map { ($0, plain.contains($0) ? .plain : .fast) }, uniquingKeysWith: { first, _ in first })
    }
}
