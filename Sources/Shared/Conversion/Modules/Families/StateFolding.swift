public import Graphs
internal import Quantization
public import Tensors

/// What one run of an expanded graph saw, reduced to what state needs: small, so that it can be sent.
public struct ObservedBatch: Sendable {
    /// The outputs that observations name, float32.
    public var values: [String: Tensor]
    /// Elements of each channel of a normalized tensor, by its name.
    public var channelElementCounts: [String: Int]
    /// The tensors of histogram observers, by name; they cannot be folded without.
    public var sources: [String: Tensor]

    /// Describes a run.
    public init(values: [String: Tensor], channelElementCounts: [String: Int], sources: [String: Tensor] = [:]) {
        self.values = values
        self.channelElementCounts = channelElementCounts
        self.sources = sources
    }
}

extension Graph {
    /// Folds what runs saw into the state of observers and normalizations.
    ///
    /// In the order of the batches and, within one, of the observations: so the result is the same whoever ran them. Running
    /// statistics: `new = momentum * old + (1 - momentum) * batch`, the variance unbiased (n / (n - 1)), each operation rounded to
    /// float32. Observers follow their own rules.
    ///
    /// - Parameters:
    ///   - observations: Those of the expanded graph.
    ///   - batches: What was seen, in order.
    /// - Throws: `ModuleError` when something is missing or damaged; the graph is then as it was.
    public mutating func fold(_ observations: [StateObservation], of batches: [ObservedBatch]) throws(ModuleError) {
        var graph = self
        for batch in batches {
            for observation in observations { try graph.fold(observation, batch) }
        }
        self = graph
    }

    private mutating func fold(_ observation: StateObservation, _ batch: ObservedBatch) throws(ModuleError) {
        switch observation {
        case .observer(let path, let specification, let minimum, let maximum, let source):
            let names = specification.stateKeys.map { "\(path).\($0)" }
            do throws(ObserverError) {
                var state = try ObserverState(specification, tensors: names.compactMap { initializers[$0] })
                if state.needsElements {
                    guard let tensor = batch.sources[source] else { throw .elementsNeeded }
                    tensor.withElements(as: Float.self) { state.observe($0) }
                } else if let low = batch.number(minimum), let high = batch.number(maximum), low <= high {
                    try state.observe(batchMinimum: low, maximum: high)
                }
                for (name, tensor) in zip(names, state.tensors) { initializers[name] = tensor }
            } catch {
                throw .quantization(path: path, reason: "\(error)")
            }
        case .normalization(let mean, let variance, let momentum, let batchMean, let batchVariance, let source):
            guard let count = batch.channelElementCounts[source], let seenMean = batch.values[batchMean],
                let seenVariance = batch.values[batchVariance]
            else { throw .quantization(path: mean, reason: "the statistics of the batch are missing") }
            let factor = count > 1 ? Float(count) / Float(count - 1) : 1
            try update(mean, with: seenMean, factor: 1, momentum)
            try update(variance, with: seenVariance, factor: factor, momentum)
        }
    }

    private mutating func update(
        _ name: String, with seen: Tensor, factor: Float, _ momentum: Float
    ) throws(ModuleError) {
        guard let old = initializers[name], old.shape == seen.shape, old.elementType == .float32,
            seen.elementType == .float32
        else { throw .quantization(path: name, reason: "the statistics of the batch have another shape") }
        let elements = zip(old.elements(as: Float.self), seen.elements(as: Float.self)).map { old, seen in
            momentum * old + (1 - momentum) * (seen * factor)
        }
        initializers[name] = Tensor(shape: old.shape, elements: elements)
    }
}

extension ObservedBatch {
    /// The single number of an output.
    fileprivate func number(_ name: String) -> Float? {
        values[name].flatMap { $0.elementType == .float32 ? $0.elements(as: Float.self).first : nil }
    }
}
