internal import Calibration
internal import Wire

/// A job and everything that is decided about it.
struct JobState: Sendable {
    enum Phase: Sendable, Hashable {
        case running
        /// Every shard is counted; the result is being made.
        case finalizing
        /// It ends without a result as soon as that is recorded.
        case ending(JobFailure)
        case ended(JobOutcome)
    }

    /// A shard of which the guilty sample is looked for.
    struct Bisection: Sendable {
        /// Parts to try, in this order; each has a sample that is not skipped.
        var suspects: [Range<Int>]
        /// Who tries the first one.
        var session: SessionID?
        /// Sessions that were lost with the first one, when that is a single sample.
        var lossesAlone = 0
    }

    /// Two devices or more disagree about a counted shard.
    struct Dispute: Sendable {
        /// What each device computed; the first one is counted.
        var opinions: [(device: Device, digest: ContentDigest)]
        /// Digests that are recorded to be in dispute.
        var recorded: [ContentDigest] = []
        /// Who computes it once more.
        var session: SessionID?

        /// The digest of a majority of two.
        var settled: ContentDigest? {
            opinions.first { opinion in opinions.count { $0.digest == opinion.digest } >= 2 }?.digest
        }
    }

    let job: CoordinatorJob
    var phase = Phase.running
    var shards: ShardTable
    /// Sessions that compute for it.
    var leaseCount = 0
    var durations = MedianWindow()
    /// Samples of counted shards.
    var committedSamples = 0
    /// Skipped samples by shard, in increasing order; looked up, never iterated.
    var excluded: [Int: [Int]] = [:]
    /// All skipped samples in the order they were recorded.
    var skipped: [Int] = []
    /// Looked up by shard, never iterated, like the others by shard.
    var bisections: [Int: Bisection] = [:]
    /// Bisected shards whose next part nobody tries yet.
    var openTrials: [Int] = []
    /// The second attempts at stragglers.
    var speculations: [Int: SessionID] = [:]
    /// Shards that had a second attempt.
    var speculated: Set<Int> = []
    var audits = AuditQueue()
    var disputes: [Int: Dispute] = [:]
    /// The shards in dispute, oldest first.
    var disputedShards: [Int] = []
    /// Until when the end waits for somebody who can audit or settle a dispute.
    var patienceEnds: Duration?
    /// Shards without samples that the store refused for now.
    var refusedEmptyShards: [Int] = []
    /// When to ask for the finalization again.
    var finalizeAgainAt: Duration?
    /// How many quarantines that will reset the job are not recorded yet.
    var pauses = 0
    var resets = 0
    /// Shards below this number may be handed out: all, or those of the rounds so far.
    var openShards: Int
    /// What each of the rounds so far computes with.
    private var roundInputs: [ContentDigest] = []
    /// Who computed what the result consists of, once the job has ended.
    var contributors: [Device: Int] = [:]

    init(_ job: CoordinatorJob, attemptBase: Int) {
        self.job = job
        shards = ShardTable(count: job.plan.shardCount, attemptBase: attemptBase)
        openShards = job.plan.shardCount
        closeRounds()
    }

    /// Leaves only the first round open.
    mutating func closeRounds() {
        guard let rounds = job.rounds else { return }
        openShards = min(rounds.shardsPerRound, job.plan.shardCount)
        roundInputs = [rounds.firstInput]
    }

    /// Opens the next round, if it is that, and every shard of those so far is counted.
    ///
    /// - Returns: Whether it was opened.
    mutating func openRound(shards count: Int, input: ContentDigest) -> Bool {
        guard let rounds = job.rounds, openShards < shards.count, shards.committedCount == openShards,
            count == min(openShards + rounds.shardsPerRound, shards.count)
        else { return false }
        openShards = count
        roundInputs.append(input)
        return true
    }

    /// What the round of a shard computes with: a shard of an earlier round is still compared.
    func input(ofShard shard: Int) -> ContentDigest? {
        job.rounds.map { roundInputs[shard / $0.shardsPerRound] }
    }

    /// Forgets what only a running job needs.
    mutating func end(_ outcome: JobOutcome) {
        phase = .ended(outcome)
        contributors = shards.countedByDevice
        shards = ShardTable(count: 0, attemptBase: 0)
        bisections = [:]
        openTrials = []
        speculations = [:]
        speculated = []
        audits = AuditQueue()
        disputes = [:]
        disputedShards = []
        refusedEmptyShards = []
        finalizeAgainAt = nil
        patienceEnds = nil
    }

    /// Samples of a shard that are computed.
    func sampleCount(_ shard: Int) -> Int {
        job.plan.shard(shard).samples.count - (excluded[shard]?.count ?? 0)
    }

    /// Samples of a part of a shard that are computed.
    func sampleCount(_ shard: Int, in part: Range<Int>) -> Int {
        part.count - (excluded[shard]?.count { part.contains($0) } ?? 0)
    }

    /// Which shard has a sample.
    func shard(ofSample sample: Int) -> Int {
        let specification = job.plan.specification
        return sample / specification.batchSize / specification.batchesPerShard
    }

    func allows(_ instructionSet: String) -> Bool {
        guard let required = job.plan.specification.requiredInstructionSet else { return true }
        return required == instructionSet
    }

    var isRunning: Bool { phase == .running }
    /// Whether it hands out shards and takes results.
    var isOpen: Bool { phase == .running && pauses == 0 }
}

/// Counted shards that another node is to compute again.
struct AuditQueue: Sendable {
    /// By the node that computed the counted result: whoever is elsewhere may take the first one.
    private(set) var waiting: [(node: String, shards: [Int])] = []
    private(set) var waitingCount = 0
    /// Who audits a shard; looked up, never iterated.
    private(set) var sessions: [Int: SessionID] = [:]
    private var tries: [Int: Int] = [:]

    var isEmpty: Bool { waitingCount == 0 && sessions.isEmpty }

    mutating func add(_ shard: Int, node: String) {
        if let index = waiting.firstIndex(where: { $0.node == node }) {
            waiting[index].shards.append(shard)
        } else {
            waiting.append((node, [shard]))
        }
        waitingCount += 1
    }

    /// A shard that a worker of this node may audit.
    func next(for node: String) -> Int? { waiting.first { $0.node != node && !$0.shards.isEmpty }?.shards.last }

    mutating func begin(_ shard: Int, by session: SessionID) {
        for index in waiting.indices where waiting[index].shards.last == shard {
            waiting[index].shards.removeLast()
            waitingCount -= 1
            sessions[shard] = session
            return
        }
    }

    /// An audit came to nothing; it is tried three times.
    ///
    /// - Returns: Whether nobody will try it again.
    mutating func abandon(_ shard: Int, node: String?) -> Bool {
        guard sessions.removeValue(forKey: shard) != nil else { return false }
        tries[shard, default: 0] += 1
        guard let node, tries[shard, default: 0] < 3 else { return true }
        add(shard, node: node)
        return false
    }

    mutating func finish(_ shard: Int) {
        sessions[shard] = nil
    }

    /// Gives up the audits that nobody does.
    mutating func dropWaiting() -> Int {
        defer {
            waiting = []
            waitingCount = 0
        }
        return waitingCount
    }

    /// Which shards are audited: decided by job and shard alone.
    static func picks(_ shard: Int, of job: CoordinatorJob) -> Bool {
        guard job.auditPercent > 0 else { return false }
        var bits = job.plan.digest.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } &+ UInt64(shard)
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((bits ^ (bits >> 31)) >> 11) * 0x1p-53 * 100 < job.auditPercent
    }
}

/// The median of the latest 101 durations.
struct MedianWindow: Sendable {
    private var latest: [Duration] = []
    private var sorted: [Duration] = []
    private var next = 0

    var count: Int { latest.count }

    /// The median, the upper one of two.
    var median: Duration? { sorted.isEmpty ? nil : sorted[sorted.count / 2] }

    mutating func add(_ duration: Duration) {
        if latest.count < 101 {
            latest.append(duration)
        } else {
            sorted.remove(at: position(latest[next]))
            latest[next] = duration
            next = (next + 1) % latest.count
        }
        sorted.insert(duration, at: position(duration))
    }

    /// Where the first duration that is not shorter stands.
    private func position(_ duration: Duration) -> Int {
        var lower = 0
        var upper = sorted.count
        while lower < upper {
            let middle = (lower + upper) / 2
            if sorted[middle] < duration { lower = middle + 1 } else { upper = middle }
        }
        return lower
    }
}
