public import Graphs
internal import MLU
internal import Synchronization
public import Tensors
public import Training

/// Trains a model in this process: the same steps that a cluster makes, to the bit.
public final class Trainer {
    /// The model, its parameters and the optimizer.
    public private(set) var state: TrainingState
    /// Parts of a batch, each with batch statistics of its own; the same number gives the same bits on a cluster.
    public let microBatches: Int
    /// One for each thread.
    private let lanes: [Lane]

    /// What computes micro-batches on one thread.
    private final class Lane: Sendable {
        let computer: Mutex<MicroBatchComputer>

        init(_ computer: sending MicroBatchComputer) { self.computer = Mutex(computer) }
    }

    /// Prepares training.
    ///
    /// - Parameters:
    ///   - graph: The model, with float or QAT modules; its first output is what the loss reads.
    ///   - loss: What is made small.
    ///   - optimizer: How parameters follow gradients.
    ///   - schedule: The learning rate of each step.
    ///   - microBatches: Parts of a batch.
    ///   - threads: Micro-batches that are computed at a time; more than there are is the same as all of them. Bits do not depend on it.
    ///   - phases: What changes in the course of training.
    ///   - teacher: A model with the same inputs, whose first output a distillation compares with.
    /// - Throws: What `MicroBatchComputer` throws.
    public init(
        _ graph: Graph, loss: Loss = .crossEntropy(), optimizer: Optimizer, schedule: LearningRateSchedule,
        microBatches: Int = 1, threads: Int = 1, phases: TrainingPhases = TrainingPhases(), teacher: Graph? = nil
    ) throws {
        state = try TrainingState(graph, optimizer: optimizer, schedule: schedule, phases: phases)
        self.microBatches = max(microBatches, 1)
        lanes = try (0..<min(max(threads, 1), self.microBatches)).map { _ in
            Lane(
                try MicroBatchComputer(
                    graph, loss: loss, phases: phases, teacher: teacher, firstStep: optimizer.step))
        }
    }

    /// Makes a step with a batch.
    ///
    /// - Parameters:
    ///   - inputs: The model's inputs; the outermost extent is the batch.
    ///   - targets: What the loss compares with, one entry for each sample; `nil` where the teacher says all.
    /// - Returns: How good the model was before.
    /// - Throws: `TrainingError`, `TrainingJobError.notFinite`.
    @discardableResult
    public func step(_ inputs: [String: Tensor], targets: Tensor? = nil) throws -> TrainingState.StepSummary {
        let first = state.graph.inputs.first.flatMap { inputs[$0.name] }
        let count = (targets ?? first)?.shape.dimensions.first ?? 0
        let parts = MicroBatchRange.split(count, into: microBatches)
        let (parameters, step) = (state.parameters, state.step)
        // A dump shows one micro-batch after the other.
        let lanes = Dumper.current == nil ? lanes : Array(lanes.prefix(1))
        let results = try lanes.indices.map { $0 }.concurrentMap { index in
            try lanes[index].computer.withLock { computer in
                try stride(from: index, to: parts.count, by: lanes.count).map { place in
                    try computer.compute(
                        parameters: parameters, inputs: inputs.mapValues { $0.slice(outermost: parts[place]) },
                        targets: targets?.slice(outermost: parts[place]), step: step)
                }
            }
        }
        return try state.apply(parts.indices.map { results[$0 % lanes.count][$0 / lanes.count] })
    }

    /// Goes on from a checkpoint.
    public func restore(step: Int, state values: [String: Tensor], optimizer: [String: Tensor]) throws {
        try state.restore(step: step, state: values, optimizer: optimizer)
    }
}

/// How a batch is cut into micro-batches.
public enum MicroBatchRange {
    /// Ranges of equal length; the last one may be shorter, and empty ones are left out.
    public static func split(_ count: Int, into parts: Int) -> [Range<Int>] {
        let length = max((count + parts - 1) / max(parts, 1), 1)
        return stride(from: 0, to: count, by: length).map { $0..<min($0 + length, count) }
    }
}
