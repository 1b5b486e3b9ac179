public import Conversion
public import Graphs
public import Tensors
public import Training

/// A model in training: parameters, optimizer and step, and what a step's micro-batches do to them.
///
/// Gradients are added in the order of the micro-batches, each times its share of the samples, in float32; the optimizer runs once; what
/// was observed is folded in the same order. So the state is a function of the micro-batches alone, whoever computed them.
public struct TrainingState: Sendable {
    /// The model with its current parameters and state.
    public private(set) var graph: Graph
    /// How parameters follow gradients.
    public private(set) var optimizer: Optimizer
    /// The learning rate of each step.
    public let schedule: LearningRateSchedule
    /// Steps that were made.
    public var step: Int { optimizer.step }
    private let phases: TrainingPhases
    private var observations: [StateObservation]
    private let trained: Set<String>

    /// How good the model was in one step.
    public struct StepSummary: Sendable, Hashable, Codable {
        /// The step, from 0.
        public var step: Int
        /// Mean loss of its samples.
        public var loss: Double
        /// Samples whose label had the largest score.
        public var correct: Int
        /// Its samples.
        public var samples: Int
        /// The learning rate.
        public var learningRate: Double
    }

    /// Begins, or goes on with the state of an optimizer.
    public init(
        _ graph: Graph, optimizer: Optimizer, schedule: LearningRateSchedule, phases: TrainingPhases = TrainingPhases()
    ) throws(ModuleError) {
        self.graph = graph
        self.optimizer = optimizer
        self.schedule = schedule
        self.phases = phases
        let expanded = try graph.expandingModules(phases.phase(step: optimizer.step))
        observations = expanded.observations
        trained = Set(expanded.trained)
    }

    /// What workers need to know for the next step: all float32 initializers.
    public var parameters: [String: Tensor] { MicroBatchComputer.parameters(of: graph) }

    /// Checks that a result has a gradient for each parameter and all that is observed, so that `apply` can take it.
    ///
    /// - Parameters:
    ///   - result: What a worker sent.
    ///   - sampleCount: Samples of the micro-batch, of which its share in the step follows.
    /// - Throws: `MicroBatchError` that names what does not fit.
    public func check(_ result: MicroBatchResult, sampleCount: Int) throws(MicroBatchError) {
        guard result.sampleCount == sampleCount else {
            throw .otherSampleCount(result.sampleCount, expected: sampleCount)
        }
        for name in trained.sorted() {
            guard let gradient = result.gradients[name], let parameter = graph.initializers[name],
                gradient.shape == parameter.shape, gradient.elementType == .float32
            else { throw .otherModel(name) }
        }
        guard result.gradients.count == trained.count else {
            throw .otherModel(result.gradients.keys.sorted().first { !trained.contains($0) } ?? "")
        }
        for observation in observations { try check(observation, result.observed) }
        let names = Set(observations.flatMap(\.values))
        for name in result.observed.values.keys.sorted() where !names.contains(name) { throw .otherModel(name) }
    }

    /// Checks that what was observed can be folded into the state.
    private func check(_ observation: StateObservation, _ observed: ObservedBatch) throws(MicroBatchError) {
        func tensor(_ name: String, _ fits: (Tensor) -> Bool) throws(MicroBatchError) -> Tensor {
            guard let tensor = observed.values[name], tensor.elementType == .float32, fits(tensor) else {
                throw .otherModel(name)
            }
            return tensor
        }
        switch observation {
        case .observer(_, _, let minimum, let maximum, _):
            let extremes = try [minimum, maximum].map { name throws(MicroBatchError) in
                try tensor(name) { $0.elementCount == 1 }.elements(as: Float.self)[0]
            }
            // A minimum above the maximum means that nothing was finite; what is finite has finite extremes.
            guard !(extremes[0] <= extremes[1]) || extremes.allSatisfy(\.isFinite) else { throw .otherModel(minimum) }
        case .normalization(let runningMean, let runningVariance, _, let mean, let variance, let source):
            for (name, running) in [(mean, runningMean), (variance, runningVariance)] {
                _ = try tensor(name) { $0.shape == graph.initializers[running]?.shape }
            }
            guard let count = observed.channelElementCounts[source], count > 0 else { throw .otherModel(source) }
        }
    }

    /// Makes a step.
    ///
    /// - Parameter results: Those of its micro-batches, in order; at least one.
    /// - Returns: How good the model was before.
    /// - Throws: `TrainingJobError.notFinite` when training has diverged, `TrainingError`, `ModuleError`; the state is then as it was.
    @discardableResult
    public mutating func apply(_ results: [MicroBatchResult]) throws -> StepSummary {
        let samples = results.reduce(0) { $0 + $1.sampleCount }
        var sums: [String: Tensor] = [:]
        for name in trained.sorted() {
            sums[name] = GradientSum.sum(
                results.compactMap { result in
                    result.gradients[name].map { ($0, Float(Double(result.sampleCount) / Double(samples))) }
                })
            if let sum = sums[name], !GradientSum.isFinite(sum) {
                throw TrainingJobError.notFinite(parameter: name, step: step)
            }
        }
        let rate = schedule.rate(step: step)
        let summary = StepSummary(
            step: step,
            loss: results.reduce(0) { $0 + $1.loss * Double($1.sampleCount) } / Double(samples),
            correct: results.reduce(0) { $0 + $1.correct }, samples: samples, learningRate: rate)
        var graph = graph
        var optimizer = optimizer
        var parameters = graph.initializers.filter { trained.contains($0.key) }
        try optimizer.update(&parameters, gradients: sums, learningRate: rate)
        graph.initializers.merge(parameters) { _, new in new }
        try graph.fold(observations, of: results.map(\.observed))
        try begin(graph, optimizer)
        return summary
    }

    /// Goes on with a model and an optimizer, whose step may begin another phase.
    private mutating func begin(_ graph: Graph, _ optimizer: Optimizer) throws(ModuleError) {
        let phase = phases.phase(step: optimizer.step)
        if phase != phases.phase(step: step) { observations = try graph.expandingModules(phase).observations }
        self.graph = graph
        self.optimizer = optimizer
    }

    // MARK: Checkpoints

    /// Takes parameters, state and optimizer from a checkpoint of the same model.
    public mutating func restore(
        step: Int, state: [String: Tensor], optimizer optimizerState: [String: Tensor]
    ) throws {
        var graph = graph
        for name in parameters.keys.sorted() {
            guard let tensor = state[name] else {
                throw TrainingJobError.checkpoint(
                    reason: "it lacks '\(name)'; give the checkpoint of this model and QConfig")
            }
            guard tensor.elementType == .float32, tensor.elementCount == graph.initializers[name]?.elementCount else {
                throw TrainingJobError.checkpoint(reason: "'\(name)' is \(tensor.elementType)\(tensor.shape)")
            }
            graph.initializers[name] = tensor.reshaped(to: graph.initializers[name]?.shape ?? tensor.shape)
        }
        var optimizer = optimizer
        try optimizer.restore(step: step, state: optimizerState)
        try begin(graph, optimizer)
    }
}
