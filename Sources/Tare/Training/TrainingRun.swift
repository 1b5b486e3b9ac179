import Calibration
import CoordinatorCore
import CoordinatorService
import Foundation
import Graphs
import Synchronization
import Tensors
import Training
import TrainingJobs

/// Serves a training and shows how it goes.
struct TrainingRun {
    let cluster: LocalClusterOptions
    let keys: CoordinatorKeyOptions
    let training: TrainingOptionGroup
    let data: DataOptions
    let delivery: PlanOptions.DataDeliveryChoice
    let dump: DumpOptions

    /// What is printed in the end.
    struct Summary: Codable {
        /// Steps that were made, those of a checkpoint included.
        var steps: Int
        /// Mean loss of the last epoch.
        var loss: Double
        /// Share of its samples whose label had the largest score.
        var accuracy: Double
        /// SHA-256 of the parameters: the bytes that a next step would compute with.
        var parametersSHA256: String
        /// Samples per second.
        var samplesPerSecond: Double
        /// Bytes of gradients that workers sent.
        var gradientBytes: Int
        /// Bytes of parameters of all steps; each worker fetches them.
        var parameterBytes: Int
        /// Share of the workers' time that went into micro-batches, from lease to commit; the rest was waiting for the next step.
        var busyShare: Double
    }

    /// What the workers' time went into.
    private struct Busy: Sendable {
        var computing = Duration.zero
        var available = Duration.zero
        var workers = 0
        var since: ContinuousClock.Instant?

        mutating func note(workers count: Int, at now: ContinuousClock.Instant) {
            if let since { available += (now - since) * workers }
            since = now
            workers = count
        }
    }

    /// Trains.
    ///
    /// - Returns: The state in the end, and what is said about it.
    func run(_ job: TrainingJob) async throws -> (state: TrainingState, summary: Summary) {
        let run = try ServedRun(cluster, keys: keys, workerWords: dump.workerWords())
        let epochs = EpochReport(job.options, epochs: training.epochs)
        let reducer = TrainingReducer(
            job.state, samplesPerShard: job.samplesPerShard, seed: training.orderSeed,
            checkpoint: training.checkpoint.map { ($0, training.checkpointEvery) }, made: epochs.add)
        let busy = Mutex(Busy())
        let started = ContinuousClock.now
        let traffic = try await run.run(
            try job.roundJob(delivery: delivery, paths: data.paths, reducer: reducer), shards: job.shardCount,
            title: "training"
        ) { notice in
            switch notice {
            case .progress(let progress):
                busy.withLock { $0.note(workers: progress.workers, at: .now) }
            case .occurrence(.shardCommitted(_, _, _, _, let duration)):
                busy.withLock { $0.computing += duration ?? .zero }
            default: break
            }
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        try reducer.writeCheckpoint()
        let (state, summaries) = reducer.result
        let last = summaries.suffix(job.options.order.stepsPerEpoch)
        let samples = last.reduce(0) { $0 + $1.samples }
        let bytes = try Graph.encode(parameters: state.parameters, step: state.step)
        let spent = busy.withLock { busy in
            busy.note(workers: 0, at: .now)
            return busy
        }
        return (
            state,
            Summary(
                steps: state.step,
                loss: last.reduce(0) { $0 + $1.loss * Double($1.samples) } / Double(max(samples, 1)),
                accuracy: Double(last.reduce(0) { $0 + $1.correct }) / Double(max(samples, 1)),
                parametersSHA256: ContentDigest(of: bytes).hexadecimal,
                samplesPerSecond: Double(job.stepCount * job.options.batchSize) / seconds,
                gradientBytes: traffic.resultBytes, parameterBytes: traffic.inputBytes,
                busyShare: spent.available > .zero ? min(spent.computing / spent.available, 1) : 0)
        )
    }
}

/// Says after each epoch how good the model was.
private final class EpochReport: Sendable {
    private struct State: Sendable {
        var steps: [TrainingState.StepSummary] = []
        var since = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let stepsPerEpoch: Int
    private let epochs: Int

    init(_ options: TrainingOptions, epochs: Int) {
        stepsPerEpoch = options.order.stepsPerEpoch
        self.epochs = epochs
    }

    func add(_ step: TrainingState.StepSummary) {
        let text: String? = state.withLock { state in
            state.steps.append(step)
            guard (step.step + 1) % stepsPerEpoch == 0 else { return nil }
            let samples = state.steps.reduce(0) { $0 + $1.samples }
            let loss = state.steps.reduce(0) { $0 + $1.loss * Double($1.samples) } / Double(samples)
            let right = 100 * Double(state.steps.reduce(0) { $0 + $1.correct }) / Double(samples)
            let rate = Double(samples) / ((ContinuousClock.now - state.since) / .seconds(1))
            state = State()
            return "epoch \((step.step + 1) / stepsPerEpoch) of \(epochs): loss \(String(format: "%.4f", loss)), "
                + "\(String(format: "%.2f", right)) % right, \(Int(rate)) samples/s"
        }
        if let text { StandardStreams.writeError(text) }
    }
}
