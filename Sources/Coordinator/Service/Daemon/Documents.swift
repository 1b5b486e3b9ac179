internal import Calibration
internal import ControlAPI
internal import CoordinatorCore
internal import CoordinatorStore
internal import Foundation
internal import Wire

/// What is always the same about a running coordinator.
struct ClusterFacts: Sendable {
    /// The build, for people.
    var build: String
    /// When it started.
    var started: Timestamp
    /// The same moment on the clock of the cores.
    var origin: Duration
    /// Where files are fetched from, with `*` for the host by which the client came.
    var dataEndpoint: String

    /// The wall time of a moment on the clock of the cores.
    func timestamp(_ moment: Duration) -> Timestamp {
        Timestamp(seconds: started.seconds + Int((moment - origin).components.seconds))
    }

    func eventDocuments(_ events: [LoggedOccurrence], now: Duration) -> [EventDocument] {
        events.enumerated().map { number, event in
            let facts = event.occurrence.facts
            var document = EventDocument(
                number: number, time: timestamp(event.time), level: facts.level, kind: facts.kind, text: facts.text)
            document.job = facts.job
            document.shard = facts.shard
            document.worker = facts.session.map { Identifier(high: $0.high, low: $0.low) }
            document.node = facts.node
            return document
        }
    }
}

extension JobPhase {
    init(_ state: CoordinatorStore.JobState) {
        self =
            switch state {
            case .running: .running
            case .finalizing: .finalizing
            case .completed: .completed
            case .failed: .failed
            case .cancelled: .cancelled
            }
    }
}

extension JobDocument {
    /// Samples per second of the workers in hand, and how long the rest takes at that rate.
    mutating func addRate(of job: JobSnapshot, workers: [WorkerSnapshot]) {
        let rate = workers.filter { $0.attempt?.job == job.id }.reduce(0.0) { $0 + ($1.samplesPerSecond ?? 0) }
        guard rate > 0 else { return }
        samplesPerSecond = rate
        secondsLeft = Double(max(0, job.samplesTotal - job.samplesDone)) / rate
    }
}

extension WorkerSnapshot {
    /// Samples per second of the attempt in hand, once some are done.
    var samplesPerSecond: Double? {
        guard let attemptAge, samples > 0, attemptAge > .zero else { return nil }
        return Double(samples) / (attemptAge / .seconds(1))
    }
}

extension WorkerDocument {
    init(_ worker: WorkerSnapshot) {
        let phase: WorkerPhase =
            switch worker.state {
            case .idle: .idle
            case .computing, .speculating, .auditing, .trying: .busy
            case .resting: .resting
            case .draining: .draining
            }
        self.init(
            session: Identifier(high: worker.session.high, low: worker.session.low), node: worker.device.node,
            localRank: worker.device.localRank, process: worker.process, state: phase, build: worker.build,
            arithmetic: worker.instructionSet)
        job = worker.attempt?.job
        shard = worker.attempt?.shard
        samplesPerSecond = worker.samplesPerSecond
        secondsSinceHeard = worker.silence / .seconds(1)
        residentBytes = worker.residentBytes
        shardsCounted = worker.committedShards
        failuresInARow = worker.failuresInARow
        loadedModel = worker.loadedModel
    }
}

extension ShardDocument {
    init(_ shard: ShardSnapshot) {
        let phase: ShardPhase =
            switch shard.state {
            case .pending: .pending
            case .leased: .leased
            case .storing: .storing
            case .committed: .committed
            case .held: .held
            }
        self.init(
            index: shard.index, firstSample: shard.samples.lowerBound, samples: shard.samples.count, state: phase,
            attempts: shard.failures + shard.losses + (shard.state == .pending ? 0 : 1))
        worker = shard.device?.description
        sha256 = shard.digest
    }

    init(_ shard: CommittedShard, plan: CalibrationPlan) {
        let samples = plan.shard(shard.shard).samples
        self.init(
            index: shard.shard, firstSample: samples.lowerBound, samples: samples.count, state: .committed,
            attempts: ShardReference.attemptInEpoch(shard.attempt))
        worker = "\(shard.device)"
        sha256 = shard.digest
    }
}
