internal import Calibration
internal import CoordinatorCore
internal import CoordinatorStore
internal import Wire

/// Keeps commits, decisions and results durably; used by the store's thread alone.
///
/// It has every unfinished job's tree of merged statistics in memory, exactly as it is on disk: a step is taken over in memory
/// only when it is durable.
final class DurableStore<Statistics: Sendable> {
    private let state: StateStore
    private let catalog: JobCatalog<Statistics>
    private let uploads: UploadStore
    /// Looked up by job, never iterated.
    private var trees: [UInt64: MergeTree<Statistics?>] = [:]
    /// Samples that unfinished jobs leave out; looked up by job.
    private var skipped: [UInt64: [PoisonedSample]] = [:]

    private let notify: @Sendable (ClusterNotice) -> Void

    init(
        state: StateStore, catalog: JobCatalog<Statistics>, uploads: UploadStore,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) {
        self.notify = notify
        self.state = state
        self.catalog = catalog
        self.uploads = uploads
    }

    /// Takes up a job that the state has: a new one, or one that goes on.
    func open(_ job: StoredJob) throws {
        guard let prepared = catalog.job(job.summary.job) else { return }
        trees[job.summary.job] = try state.tree(of: job) { bytes, _ in
            bytes.isEmpty ? nil : try prepared.reduction.decodeMerged(bytes)
        }
        skipped[job.summary.job] = job.poisoned
    }

    /// Takes up a job that was just submitted.
    func begin(_ job: UInt64, shardCount: Int) {
        if trees[job] == nil { trees[job] = MergeTree(count: shardCount) }
    }

    // MARK: Commits

    /// Counts shards in one transaction.
    ///
    /// - Returns: What became of each.
    func commit(_ requests: [StoreRequest]) -> [StoreAnswer] {
        var answers: [StoreAnswer] = []
        var trees = trees
        var records: [ShardCommit] = []
        var accepted: [Int] = []
        for (index, request) in requests.enumerated() {
            do {
                records.append(try insert(request, into: &trees))
                accepted.append(index)
                answers.append(.stored)
            } catch let refusal as Refusal {
                answers.append(.failed(refusal.failure))
            } catch {
                answers.append(.broken(.store(text: "\(error)")))
            }
        }
        guard !records.isEmpty else { return answers }
        do {
            let begun = MonotonicClock.now
            try state.commit(records)
            notify(.measured(.transaction(MonotonicClock.now - begun)))
            self.trees = trees
            for request in requests { uploads.discard(request.commit.digest) }
        } catch {
            let answer: StoreAnswer =
                error.isTemporary
                ? .failed(.later(text: error.description)) : .broken(.store(text: error.description))
            for index in accepted { answers[index] = answer }
        }
        return answers
    }

    private struct Refusal: Error {
        let failure: StoreFailure
    }

    /// Reads, checks and merges one shard's statistics.
    private func insert(
        _ request: StoreRequest, into trees: inout [UInt64: MergeTree<Statistics?>]
    ) throws -> ShardCommit {
        let (commit, id) = (request.commit, request.commit.shard.job)
        guard let job = catalog.job(id), trees[id] != nil else {
            throw Refusal(failure: .invalid(text: "job \(id) is not open"))
        }
        let statistics = try read(request, of: job)
        let merge = job.reduction.merge
        guard
            let step = try trees[id]?.insert(
                statistics, at: commit.shard.shard,
                merge: { lower, upper in
                    guard let lower, let upper else { return lower ?? upper }
                    return try merge(lower, upper)
                })
        else { throw Refusal(failure: .invalid(text: "job \(id) is not open")) }
        let encode = job.reduction.encode
        return ShardCommit(
            job: id, shard: commit.shard.shard, attempt: commit.shard.attempt,
            session: StateIdentifier(request.session ?? Self.nobody),
            device: WorkerDevice(request.device ?? Device(node: "", localRank: 0)), digest: commit.digest,
            size: commit.size, samples: commit.samples,
            update: TreeUpdate(step) { value in try value.map(encode) ?? [] })
    }

    /// The session that is kept with a shard that no worker computed.
    private static var nobody: SessionID { SessionID(high: 0, low: 0) }

    /// The uploaded statistics; `nil` for a shard without samples, which changes no merge.
    private func read(_ request: StoreRequest, of job: PreparedJob<Statistics>) throws -> Statistics? {
        let commit = request.commit
        guard request.session != nil else { return nil }
        guard let bytes = uploads.bytes(commit.digest), bytes.count == commit.size else {
            throw Refusal(failure: .missing)
        }
        do {
            let skipped = Set(skippedSamples(of: commit.shard.job).map(\.sample))
            return try job.reduction.decode(bytes, job.plan.shard(commit.shard.shard), skipped)
        } catch {
            uploads.discard(commit.digest)
            throw Refusal(failure: .invalid(text: "\(error)"))
        }
    }

    // MARK: Decisions

    /// Keeps a decision.
    func record(_ decision: Decision) throws(StateStoreError) {
        switch decision {
        case .ended(let job, let failure):
            try state.recordEnd(job: job, JobEnd(failure))
            close(job)
        case .skipped(let job, let sample, let text):
            try state.recordPoison(job: job, sample: sample, reason: text)
            skipped[job, default: []].append(PoisonedSample(sample: sample, reason: text))
        case .quarantined(let device, let text, let resets):
            let faulty = QuarantinedDevice(device: WorkerDevice(device), reason: text)
            try state.record([.quarantine(faulty)] + resets.map { .restart(job: $0, faulty) })
            for job in resets { trees[job] = trees[job].map { MergeTree(count: $0.shape.count) } }
        case .disputed(let job, let shard, let device, let digest):
            try state.recordWitness(
                job: job,
                ShardWitness(
                    shard: shard, session: StateIdentifier(Self.nobody), device: WorkerDevice(device), digest: digest))
        case .blamed(let job, let shard, let session, let device):
            try state.recordLoss(
                job: job,
                ShardLoss(
                    shard: shard, session: StateIdentifier(session), device: WorkerDevice(device),
                    reason: "lost while it computed the shard"))
        }
    }

    // MARK: Results

    /// The merged statistics of a job whose shards are all counted; `nil` when no sample is left.
    func statistics(of job: UInt64) -> Statistics? {
        trees[job]?.root.flatMap { $0 }
    }

    /// Samples that are left out of an unfinished job, in order.
    func skippedSamples(of job: UInt64) -> [PoisonedSample] {
        skipped[job, default: []].sorted { $0.sample < $1.sample }
    }

    /// Keeps the files of a result and records that the job is completed.
    ///
    /// - Returns: The model, as workers fetch it.
    func finish(_ job: UInt64, files: [ResultContent]) throws(StateStoreError) -> JobModel? {
        var results: [JobResult] = []
        var model: JobModel?
        for file in files {
            let digest = try state.blobs.put(file.bytes)
            results.append(JobResult(name: file.name.rawValue, digest: digest))
            if file.name == .model { model = JobModel(digest: digest, size: file.bytes.count) }
        }
        try state.recordFinalized(job: job, results: results)
        close(job)
        return model
    }

    private func close(_ job: UInt64) {
        trees[job] = nil
        skipped[job] = nil
        catalog.remove(job)
    }
}
