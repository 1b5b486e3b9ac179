public import Graphs
public import Quantization

/// A graph whose float and QAT modules are written out as operators, and what belongs to it.
public struct ExpandedModules: Sendable {
    /// The graph.
    ///
    /// Behind its own outputs it returns everything that `observations` names.
    public let graph: Graph
    /// The initializers that gradients change, in the order of their first reading.
    public let trained: [String]
    /// What a run sees of its batch, in the order of the nodes.
    public let observations: [StateObservation]
}

/// What a run of an expanded graph saw that belongs into the model's state.
public enum StateObservation: Sendable, Hashable {
    /// An observer: the names of its state are `path`, a dot and each of the recipe's state keys; `values` are outputs with the
    /// smallest and the largest element, `source` is the tensor itself.
    case observer(path: String, ObserverSpecification, minimum: String, maximum: String, source: String)
    /// A normalization in training: the initializers of its running statistics, the weight of the old ones, outputs with mean and
    /// biased variance of the batch, and the normalized tensor, whose extents say how many elements a channel has.
    case normalization(
        runningMean: String, runningVariance: String, momentum: Float, mean: String, variance: String, source: String)

    /// The outputs that belong to it.
    public var values: [String] {
        switch self {
        case .observer(_, _, let minimum, let maximum, _): [minimum, maximum]
        case .normalization(_, _, _, let mean, let variance, _): [mean, variance]
        }
    }

    /// The tensor that is observed.
    public var source: String {
        switch self {
        case .observer(_, _, _, _, let source), .normalization(_, _, _, _, _, let source): source
        }
    }
}

extension Graph {
    /// Writes float and QAT modules out as operators.
    ///
    /// - Parameter isTraining: Whether normalizations take the statistics of the batch, those outside of modules too.
    /// - Returns: The operators.
    /// - Throws: `ModuleError` when a quantized module should be trained, or a module lacks a parameter.
    public func expandingModules(isTraining: Bool) throws(ModuleError) -> ExpandedModules {
        var expander = ModuleExpander(self, isTraining: isTraining)
        return try expander.run()
    }
}
