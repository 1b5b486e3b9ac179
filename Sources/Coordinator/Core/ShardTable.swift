internal import Calibration
internal import Wire

/// A worker's hold on a shard.
struct ShardLease: Sendable, Hashable {
    let session: SessionID
    let attempt: Int
    let since: Duration
    var progressAt: Duration
    var samples = 0
    var activity = 0
    /// Whether the worker was seen to work on it: only then can the shard be to blame for the worker's loss.
    var hasStarted = false
}

/// Where each shard of a job stands, and in which order the open ones are handed out.
struct ShardTable: Sendable {
    enum State: Sendable, Hashable {
        case pending
        case leased(ShardLease)
        /// On its way into the store; `holder` is who holds the lease, who need not be who committed.
        case storing(StoreRequest, holder: ShardLease?)
        case committed(ContentDigest)
    }

    private(set) var states: [State]
    private(set) var committedCount = 0
    private(set) var attempts: [Int]
    /// Workers that reported a failure of a shard, in order.
    private(set) var failedSessions: [[SessionID]]
    private(set) var losses: [Int]
    /// Shards from here on were never handed out.
    private(set) var freshIndex = 0
    /// Pending shards below `freshIndex`: those with the least blame first, then in order.
    private(set) var returned: [Int] = []

    init(count: Int) {
        states = Array(repeating: .pending, count: count)
        attempts = Array(repeating: 0, count: count)
        failedSessions = Array(repeating: [], count: count)
        losses = Array(repeating: 0, count: count)
    }

    var count: Int { states.count }
    var isComplete: Bool { committedCount == states.count }

    func blame(_ shard: Int) -> Int { failedSessions[shard].count + losses[shard] }

    /// The shard to hand to a session: blameless ones first, a shard it failed at only when `mayRepeat` says so.
    mutating func next(for session: SessionID, mayRepeat: (Int) -> Bool) -> Int? {
        if let first = returned.first, blame(first) == 0 { return first }
        while freshIndex < count {
            if case .pending = states[freshIndex] { return freshIndex }
            freshIndex += 1
        }
        return returned.first { !failedSessions[$0].contains(session) || mayRepeat($0) }
    }

    /// Hands a pending shard to a session.
    ///
    /// - Returns: The lease.
    mutating func lease(_ shard: Int, to session: SessionID, attempt: Int? = nil, now: Duration) -> ShardLease {
        unqueue(shard)
        attempts[shard] = max(attempts[shard] + (attempt == nil ? 1 : 0), attempt ?? 0)
        let lease = ShardLease(session: session, attempt: attempt ?? attempts[shard], since: now, progressAt: now)
        states[shard] = .leased(lease)
        return lease
    }

    mutating func update(_ shard: Int, _ lease: ShardLease) {
        states[shard] = .leased(lease)
    }

    mutating func beginStoring(_ request: StoreRequest) {
        let shard = request.commit.shard.shard
        switch states[shard] {
        case .pending:
            unqueue(shard)
            states[shard] = .storing(request, holder: nil)
        case .leased(let lease): states[shard] = .storing(request, holder: lease)
        case .storing, .committed: break
        }
    }

    mutating func commit(_ shard: Int, digest: ContentDigest) {
        states[shard] = .committed(digest)
        committedCount += 1
    }

    /// Takes a shard back from whoever holds it.
    mutating func release(_ shard: Int) {
        states[shard] = .pending
        queue(shard)
    }

    /// Goes on without the holder of a shard that is being stored.
    mutating func dropHolder(_ shard: Int) {
        if case .storing(let request, _) = states[shard] { states[shard] = .storing(request, holder: nil) }
    }

    mutating func addFailure(_ shard: Int, of session: SessionID) {
        failedSessions[shard].append(session)
        // The blame decides the place in the queue.
        if returned.contains(shard) {
            unqueue(shard)
            queue(shard)
        }
    }

    mutating func addLoss(_ shard: Int) {
        losses[shard] += 1
    }

    private mutating func queue(_ shard: Int) {
        guard shard < freshIndex else { return }
        let key = (blame(shard), shard)
        let position = returned.firstIndex { (blame($0), $0) > key } ?? returned.count
        returned.insert(shard, at: position)
    }

    private mutating func unqueue(_ shard: Int) {
        if shard < freshIndex {
            returned.removeAll { $0 == shard }
        } else if shard == freshIndex {
            freshIndex += 1
        }
    }
}
