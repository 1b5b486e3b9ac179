internal import Calibration
internal import CoordinatorCore
internal import CoordinatorStore
internal import Dispatch
internal import Synchronization
internal import Wire

/// Takes commits: reads the uploaded statistics, checks and merges them, in its own queue so that no heartbeat waits.
final class CommitStore<Statistics: Sendable>: ShardStore {
    private struct State: Sendable {
        var tree: MergeTree<Statistics>
        var digests: [ContentDigest?]
        var conflicts: [Int] = []
        var skipped: Set<Int> = []
    }

    private let state: Mutex<State>
    private let plan: CalibrationPlan
    private let reduction: ShardReduction<Statistics>
    private let uploads: UploadStore
    private let queue = DispatchQueue(label: "tare.store")

    init(plan: CalibrationPlan, reduction: ShardReduction<Statistics>, uploads: UploadStore) {
        self.plan = plan
        self.reduction = reduction
        self.uploads = uploads
        state = Mutex(
            State(tree: MergeTree(count: plan.shardCount), digests: Array(repeating: nil, count: plan.shardCount)))
    }

    /// Stores a commit; the answer comes from the store's queue.
    func store(_ request: StoreRequest, answer: @escaping @Sendable (StoreAnswer) -> Void) {
        queue.async { [self] in answer(storeNow(request)) }
    }

    private func storeNow(_ request: StoreRequest) -> StoreAnswer {
        guard let bytes = uploads.take(request.commit.digest), bytes.count == request.commit.size else {
            return .failed(.missing)
        }
        let shard = plan.shard(request.commit.shard.shard)
        let statistics: Statistics
        do {
            statistics = try reduction.decode(bytes, shard, state.withLock { $0.skipped })
        } catch {
            return .failed(.invalid(text: "\(error)"))
        }
        do {
            try state.withLock { state in
                // The core stores an open shard only; a second time would count it twice.
                precondition(state.digests[shard.index] == nil, "Shard \(shard.index) is stored twice")
                _ = try state.tree.insert(statistics, at: shard.index, merge: reduction.merge)
                state.digests[shard.index] = request.commit.digest
            }
        } catch {
            return .broken(.store(text: "\(error)"))
        }
        return .stored
    }

    /// Notes a sample that is left out from now on.
    func skip(_ sample: Int) {
        state.withLock { _ = $0.skipped.insert(sample) }
    }

    /// Notes the shards for which workers computed different statistics that nobody could settle.
    func note(conflicts: [Int]) {
        state.withLock { $0.conflicts = conflicts }
    }

    /// Forgets everything, because a faulty device computed a part of it; nothing may be on its way here.
    func reset() {
        state.withLock { state in
            state.tree = MergeTree(count: plan.shardCount)
            state.digests = Array(repeating: nil, count: plan.shardCount)
        }
    }

    /// The statistics of the whole job and the digests of its shards, once every shard is stored.
    func result() -> (statistics: Statistics, digests: [ContentDigest], conflicts: [Int])? {
        state.withLock { state in
            let digests = state.digests.compactMap { $0 }
            guard let root = state.tree.root, digests.count == state.digests.count else { return nil }
            return (root, digests, state.conflicts)
        }
    }
}

/// What became of a commit in the store.
enum StoreAnswer: Sendable {
    case stored
    case failed(StoreFailure)
    /// The statistics cannot be merged, now or ever.
    case broken(JobFailure)

    /// The same for the core.
    func event(for request: StoreRequest) -> CoordinatorEvent {
        switch self {
        case .stored: .stored(request)
        case .failed(let failure): .storeFailed(request, failure)
        case .broken(let failure): .aborted(job: request.commit.shard.job, failure)
        }
    }
}
