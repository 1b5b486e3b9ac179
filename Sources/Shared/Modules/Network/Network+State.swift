internal import Graphs
public import Tensors

/// What loading a state dictionary found.
public struct StateLoadReport: Sendable, Hashable {
    /// Keys that the network has and the dictionary lacks.
    public var missing: [String] = []
    /// Keys that the dictionary has and the network lacks.
    public var unexpected: [String] = []
}

/// Why a state dictionary was not loaded.
public enum StateLoadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Keys differ although they must not.
    case keysDiffer(missing: [String], unexpected: [String])
    /// A tensor has another type or shape than the network's.
    case unsuitableTensor(key: String, found: String, expected: String)

    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .keysDiffer(let missing, let unexpected):
            "The state dictionary does not fit the network: "
                + [("missing", missing), ("unexpected", unexpected)].filter { !$0.1.isEmpty }
                .map { "\($0.0) \($0.1.map { "'\($0)'" }.joined(separator: ", "))" }.joined(separator: "; ")
                + "; convert the network first as it was when the dictionary was saved, or load it without strict"
        case .unsuitableTensor(let key, let found, let expected):
            "The state dictionary's '\(key)' is \(found), the network's \(expected); load what was saved from this network"
        }
    }
}

extension Network {
    /// The parameters and the state of all layers, by path and key, in the order of the nodes: also the scales of quantized results.
    public var stateDictionary: StateDictionary {
        var result = StateDictionary()
        for name in stateNames {
            if let tensor = graph.initializers[name] { result[name] = tensor }
        }
        return result
    }

    /// Loads parameters and state.
    ///
    /// - Parameters:
    ///   - state: What was saved; also a checkpoint's whole contents, of which then `state_dict` is taken.
    ///   - strict: Whether missing and unexpected keys are refused; without, they are left as they are.
    /// - Returns: What was found.
    /// - Throws: `StateLoadError`; the network is then as it was.
    @discardableResult
    public mutating func loadStateDictionary(
        _ state: StateDictionary, strict: Bool = true
    ) throws(StateLoadError) -> StateLoadReport {
        let state = state.unwrapped
        var report = StateLoadReport()
        var initializers = graph.initializers
        let names = stateNames
        for name in names {
            guard let tensor = state[name] else {
                report.missing.append(name)
                continue
            }
            guard let old = initializers[name] else { continue }
            guard tensor.elementType == old.elementType, tensor.elementCount == old.elementCount else {
                throw .unsuitableTensor(
                    key: name, found: "\(tensor.elementType)\(tensor.shape)", expected: "\(old.elementType)\(old.shape)"
                )
            }
            initializers[name] = tensor.reshaped(to: old.shape)
        }
        let known = Set(names)
        report.unexpected = state.names.filter { !known.contains($0) }
        if strict, !report.missing.isEmpty || !report.unexpected.isEmpty {
            throw .keysDiffer(missing: report.missing, unexpected: report.unexpected)
        }
        graph.initializers = initializers
        return report
    }

    /// The initializers that belong to a layer, in the order of the nodes.
    private var stateNames: [String] {
        var seen: Set<String> = []
        return graph.nodes.flatMap { node -> [String] in
            guard let path = node.module?.path else { return [] }
            return node.inputs.filter { name in
                graph.initializers[name] != nil && (path.isEmpty || name.hasPrefix(path + "."))
                    && seen.insert(name).inserted
            }
        }
    }
}

extension StateDictionary {
    /// The entries below `state_dict`, when that is what a checkpoint consists of; otherwise all.
    fileprivate var unwrapped: StateDictionary {
        let prefix = "state_dict."
        guard names.contains(where: { $0.hasPrefix(prefix) }) else { return self }
        return StateDictionary(
            entries.filter { $0.name.hasPrefix(prefix) }.map {
                Entry(name: String($0.name.dropFirst(prefix.count)), tensor: $0.tensor)
            })
    }
}
