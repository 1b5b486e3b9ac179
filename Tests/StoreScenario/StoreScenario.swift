internal import Calibration
public import CoordinatorStore
internal import TestSupport

/// A seeded sequence of everything that can be asked of a store, with the outcome that it must have.
public struct StoreScenario: Sendable {
    /// What the store must hold after the steps so far.
    public private(set) var model = StateModel()
    private var generator: SeededGenerator
    private let nodeBytes: Int

    /// A sequence; nodes have up to `nodeBytes` bytes.
    public init(seed: UInt64, nodeBytes: Int = 40_000) {
        generator = SeededGenerator(seed: seed)
        self.nodeBytes = nodeBytes
    }

    /// Takes the next step, in the store too when there is one.
    ///
    /// - Throws: What the store throws for a step that must succeed; `ScenarioFailure` when it takes what it must refuse.
    public mutating func step(_ store: StateStore?) throws {
        let choice = Int.random(in: 0..<100, using: &generator)
        guard let index = model.open.randomElement(using: &generator), choice >= 8 else { return try submit(store) }
        switch choice {
        case ..<64: try commit(index, store)
        case ..<68: try commitAgain(index, store)
        case ..<73: try poison(index, store)
        case ..<79: try lose(index, store)
        case ..<84: try witness(index, store)
        case ..<88: try quarantine(store)
        case ..<91: try restart(index, store)
        case ..<93: try fail(index, store)
        case ..<96: try submitAgain(index, store)
        default: try finalize(index, store)
        }
    }

    // MARK: Jobs

    private mutating func submit(_ store: StateStore?) throws {
        let blob = bytes(Int.random(in: 0..<3000, using: &generator))
        let submission = JobSubmission(
            request: identifier(), name: "job-\(model.jobs.count)", priority: Int.random(in: -2...2, using: &generator),
            shardCount: Int.random(in: 1...24, using: &generator), document: bytes(100), specification: bytes(50),
            delivery: bytes(20), blobs: [ContentDigest(of: blob)])
        if let store {
            try Self.expect("missing blobs", .missingBlobs(submission.blobs)) {
                // The blob may be there already: of the same step before a crash.
                guard try !store.blobs.contains(submission.blobs[0]) else { throw Self.skipped }
                _ = try store.submit(submission)
            }
            _ = try store.blobs.put(blob)
            let (job, _) = try store.submit(submission)
            try Self.require(job == UInt64(model.jobs.count + 1), "A job has the number \(job)")
        }
        model.jobs.append(
            StateModel.Job(
                number: UInt64(model.jobs.count + 1), submission: submission,
                tree: MergeTree(count: submission.shardCount)))
    }

    private mutating func submitAgain(_ index: Int, _ store: StateStore?) throws {
        let job = model.jobs[index]
        guard let store else { return }
        let answer = try store.submit(job.submission)
        try Self.require(answer.job == job.number && !answer.isNew, "A repeated submission is another job")
        var other = job.submission
        other.name += "x"
        try Self.expect("another content", .requestReused(job: job.number)) { _ = try store.submit(other) }
    }

    private mutating func finalize(_ index: Int, _ store: StateStore?) throws {
        let job = model.jobs[index]
        let result = bytes(Int.random(in: 1..<5000, using: &generator))
        let digest = ContentDigest(of: result)
        let results = [JobResult(name: "statistics", digest: digest), JobResult(name: "manifest", digest: digest)]
        let missing = job.missingShards.count
        if let store {
            _ = try store.blobs.put(result)
            if missing == 0 {
                try store.recordFinalized(job: job.number, results: results, text: "done", exitStatus: 0)
            } else {
                let count = job.submission.shardCount
                let refusal = StateStoreRefusal.jobIncomplete(job.number, committed: count - missing, shards: count)
                try Self.expect("an incomplete job", refusal) {
                    try store.recordFinalized(job: job.number, results: results)
                }
            }
        }
        guard missing == 0 else { return }
        model.jobs[index].end = JobEnd(state: .completed, text: "done", exitStatus: 0)
        model.jobs[index].results = results.map { "\($0.name) \($0.digest)" }
    }

    private mutating func fail(_ index: Int, _ store: StateStore?) throws {
        let job = model.jobs[index].number
        let end = JobEnd(state: generator.next() & 1 == 0 ? .failed : .cancelled, text: "enough", exitStatus: 65)
        try store?.recordEnd(job: job, end)
        model.jobs[index].end = end
        guard let store else { return }
        try Self.expect("an ended job", .jobEnded(job, end.state)) { try store.recordEnd(job: job, end) }
    }

    // MARK: Shards

    private mutating func commit(_ index: Int, _ store: StateStore?) throws {
        var job = model.jobs[index]
        var records: [ShardCommit] = []
        let count = Int.random(in: 1...6, using: &generator)
        for shard in job.missingShards.shuffled(using: &generator).prefix(count) {
            records.append(try commit(shard, of: &job))
        }
        try store?.commit(records)
        model.jobs[index] = job
    }

    private mutating func commit(_ shard: Int, of job: inout StateModel.Job) throws -> ShardCommit {
        let fold = Fold(leaf: shard, size: Int.random(in: 8...nodeBytes, using: &generator))
        let step = try job.tree.insert(fold, at: shard, merge: Fold.merge)
        let record = ShardCommit(
            job: job.number, shard: shard, attempt: Int.random(in: 1...3, using: &generator), session: identifier(),
            device: device(), digest: ContentDigest(of: fold.bytes), size: fold.bytes.count, samples: 8,
            update: TreeUpdate(step) { $0.bytes })
        job.shards[shard] = record.line
        return record
    }

    private mutating func commitAgain(_ index: Int, _ store: StateStore?) throws {
        let job = model.jobs[index]
        guard let shard = job.shards.keys.sorted().randomElement(using: &generator), let store else { return }
        let update = TreeUpdate(removed: [], position: TreeShape(count: job.submission.shardCount).leaf(shard)) { [1] }
        let record = ShardCommit(
            job: job.number, shard: shard, attempt: 9, session: StateIdentifier(high: 1, low: 2),
            device: WorkerDevice(node: "n", rank: 0), digest: ContentDigest(of: [1]), size: 1, samples: 1,
            update: update)
        // A leaf's own position may stand for more than the leaf, which is refused for another reason.
        let leaves = TreeShape(count: job.submission.shardCount).leaves(of: update.position)
        guard leaves?.count == 1 else { return }
        try Self.expect("a counted shard", .alreadyCommitted(job: job.number, shard: shard)) {
            try store.commit([record])
        }
    }

    private mutating func restart(_ index: Int, _ store: StateStore?) throws {
        let (number, device) = (model.jobs[index].number, device())
        try store?.resetJob(number, without: device, reason: "wrong")
        model.jobs[index].restarts.append("\(device) wrong \(model.jobs[index].shards.count)")
        model.jobs[index].shards = [:]
        model.jobs[index].witnesses = [:]
        model.jobs[index].tree = MergeTree(count: model.jobs[index].submission.shardCount)
        if model.quarantined[device] == nil { model.quarantined[device] = "wrong" }
    }

    // MARK: Decisions

    private mutating func poison(_ index: Int, _ store: StateStore?) throws {
        let sample = Int.random(in: 0..<20, using: &generator)
        try store?.recordPoison(job: model.jobs[index].number, sample: sample, reason: "crashes")
        model.jobs[index].poisoned[sample] = "crashes"
    }

    private mutating func lose(_ index: Int, _ store: StateStore?) throws {
        let job = model.jobs[index]
        var decisions: [StateDecision] = []
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let loss = ShardLoss(
                shard: Int.random(in: 0..<job.submission.shardCount, using: &generator), session: identifier(),
                device: device(), reason: "silent")
            decisions.append(.loss(job: job.number, loss))
            model.jobs[index].losses[StateModel.key(loss.shard, loss.session)] = "\(loss.device) silent"
        }
        try store?.record(decisions)
    }

    private mutating func witness(_ index: Int, _ store: StateStore?) throws {
        let job = model.jobs[index]
        guard let shard = job.shards.keys.sorted().randomElement(using: &generator) else { return }
        let witness = ShardWitness(
            shard: shard, session: identifier(), device: device(), digest: ContentDigest(of: bytes(4)))
        try store?.recordWitness(job: job.number, witness)
        model.jobs[index].witnesses[StateModel.key(shard, witness.session)] = "\(witness.device) \(witness.digest)"
    }

    private mutating func quarantine(_ store: StateStore?) throws {
        let device = device()
        if model.quarantined[device] == nil {
            try store?.recordQuarantine(device, reason: "differs")
            model.quarantined[device] = "differs"
        } else {
            try store?.record([.release(device)])
            model.quarantined[device] = nil
        }
    }

    // MARK: Parts

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    private mutating func identifier() -> StateIdentifier {
        StateIdentifier(high: generator.next(), low: generator.next())
    }

    private mutating func device() -> WorkerDevice {
        WorkerDevice(
            node: "node\(Int.random(in: 0..<3, using: &generator))", rank: Int.random(in: 0..<3, using: &generator))
    }

    private static let skipped = ScenarioFailure("skipped")

    private static func require(_ condition: Bool, _ text: String) throws {
        guard condition else { throw ScenarioFailure(text) }
    }

    private static func expect(_ what: String, _ refusal: StateStoreRefusal, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as StateStoreError {
            guard error == .refused(refusal) else { throw error }
            return
        } catch is ScenarioFailure {
            return
        }
        throw ScenarioFailure("The store takes \(what)")
    }
}
