import Calibration
import CoordinatorService
import Graphs
import Synchronization
import Tensors
import Training
import TrainingJobs

/// Makes the steps of a training of what workers found out, and writes checkpoints.
final class TrainingReducer: RoundReducer {
    private struct Progress: Sendable {
        var state: TrainingState
        var summaries: [TrainingState.StepSummary] = []
    }

    private let initial: TrainingState
    private let progress: Mutex<Progress>
    private let samplesPerShard: Int
    private let seed: UInt64
    private let checkpoint: (path: String, every: Int)?
    private let made: @Sendable (TrainingState.StepSummary) -> Void

    /// Begins with a state.
    ///
    /// - Parameters:
    ///   - state: Parameters and optimizer.
    ///   - samplesPerShard: Samples of each micro-batch.
    ///   - seed: Seed of the order, for checkpoints.
    ///   - checkpoint: Where checkpoints go, and how many steps lie between two; 0 for none but the last.
    ///   - made: Told of each step.
    init(
        _ state: TrainingState, samplesPerShard: Int, seed: UInt64, checkpoint: (path: String, every: Int)?,
        made: @escaping @Sendable (TrainingState.StepSummary) -> Void
    ) {
        initial = state
        progress = Mutex(Progress(state: state))
        self.samplesPerShard = samplesPerShard
        self.seed = seed
        self.checkpoint = checkpoint
        self.made = made
    }

    /// The model, and how good it was in each step.
    var result: (state: TrainingState, summaries: [TrainingState.StepSummary]) {
        progress.withLock { ($0.state, $0.summaries) }
    }

    func start() throws -> [UInt8] {
        try progress.withLock { progress in
            progress = Progress(state: initial)
            return try Graph.encode(parameters: initial.parameters, step: initial.step)
        }
    }

    func check(_ result: [UInt8], shard: Int, input: ContentDigest) throws {
        let decoded = try MicroBatchResult(decoding: result, input: input.hexadecimal, shard: shard)
        try progress.withLock { try $0.state.check(decoded, sampleCount: samplesPerShard) }
    }

    func finish(firstShard: Int, results: [[UInt8]]) throws -> [UInt8] {
        let (summary, bytes, due) = try progress.withLock { progress in
            let input = ContentDigest(
                of: try Graph.encode(parameters: progress.state.parameters, step: progress.state.step))
            let summary = try progress.state.apply(
                results.enumerated().map { index, bytes in
                    try MicroBatchResult(decoding: bytes, input: input.hexadecimal, shard: firstShard + index)
                })
            progress.summaries.append(summary)
            let bytes = try Graph.encode(parameters: progress.state.parameters, step: progress.state.step)
            let every = checkpoint?.every ?? 0
            return (summary, bytes, every > 0 && progress.state.step % every == 0 ? progress.state : nil)
        }
        if let due { try write(due) }
        made(summary)
        return bytes
    }

    /// Writes the last checkpoint.
    func writeCheckpoint() throws { try write(result.state) }

    private func write(_ state: TrainingState) throws {
        guard let checkpoint else { return }
        var parameters = StateDictionary()
        for (name, tensor) in state.parameters.sorted(by: { $0.key < $1.key }) { parameters[name] = tensor }
        try Checkpoint(
            step: state.step, seed: seed, parameters: parameters, optimizerStep: state.optimizer.step,
            optimizerState: state.optimizer.state
        ).write(to: checkpoint.path)
    }
}
