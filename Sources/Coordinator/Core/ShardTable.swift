internal import Calibration
public import Wire

/// Where each shard of a job stands, and in which order the open ones are handed out.
///
/// Nothing here takes time that grows with the number of shards, except `reset`.
struct ShardTable: Sendable {
    enum State: UInt8, Sendable {
        case pending
        /// A session computes it to be counted.
        case leased
        /// On its way into the store.
        case storing
        case committed
        /// Not handed out as a whole: it is bisected, or waits for a decision to be recorded.
        case held
    }

    /// What went wrong with a shard.
    struct Trouble: Sendable {
        /// Workers that reported a failure, in order.
        var failedSessions: [SessionID] = []
        /// Sessions that were lost while they computed it, in order.
        var losses: [(session: SessionID, device: Device)] = []
        var fruitlessBisections = 0

        var blame: Int { failedSessions.count + losses.count }
    }

    private(set) var states: [State]
    private(set) var digests: [ContentDigest?]
    /// Who computed what is counted.
    private(set) var devices: [Device?]
    private var attempts: [Int32]
    private(set) var committedCount = 0
    private(set) var storingCount = 0
    /// Who computes a shard, while it is leased, or while the result of another attempt is stored.
    ///
    /// Looked up by shard, never iterated, like the two that follow.
    private(set) var holders: [Int: SessionID] = [:]
    private(set) var requests: [Int: StoreRequest] = [:]
    private(set) var troubles: [Int: Trouble] = [:]
    /// Counted shards by device.
    private(set) var countedByDevice: [Device: Int] = [:]
    /// Pending shards from here on were never handed out.
    private(set) var freshIndex = 0
    /// Pending shards below `freshIndex`: those with the least blame first, then in order.
    private(set) var returned: [Int] = []
    private let attemptBase: Int

    init(count: Int, attemptBase: Int) {
        states = Array(repeating: .pending, count: count)
        digests = Array(repeating: nil, count: count)
        devices = Array(repeating: nil, count: count)
        attempts = Array(repeating: 0, count: count)
        self.attemptBase = attemptBase
    }

    var count: Int { states.count }
    var isComplete: Bool { committedCount == states.count }

    func blame(_ shard: Int) -> Int { troubles[shard]?.blame ?? 0 }

    /// The shard to hand to a session: blameless ones first, then those never handed out, then those that failed
    /// elsewhere; none that failed with this session, and none from `limit` on.
    mutating func next(for session: SessionID, below limit: Int) -> Int? {
        if let first = returned.first, blame(first) == 0 { return first }
        while freshIndex < min(count, limit) {
            if states[freshIndex] == .pending { return freshIndex }
            freshIndex += 1
        }
        return returned.first { troubles[$0]?.failedSessions.contains(session) != true }
    }

    /// Numbers an attempt at a shard.
    mutating func nextAttempt(_ shard: Int) -> Int {
        attempts[shard] += 1
        return attemptBase + Int(attempts[shard])
    }

    /// Whether an attempt can have been handed out by this coordinator or one before it.
    func isPlausible(attempt: Int) -> Bool { (1...attemptBase + Self.attemptsPerEpoch).contains(attempt) }

    /// Attempts of an epoch sort after those of earlier ones as long as a shard has fewer than this many.
    static let attemptsPerEpoch = ShardReference.attemptsPerEpoch

    /// Hands a pending shard to a session.
    mutating func lease(_ shard: Int, to session: SessionID) {
        unqueue(shard)
        states[shard] = .leased
        holders[shard] = session
    }

    /// Lets another session hold a shard that is leased or stored; `nil` for none.
    mutating func setHolder(_ shard: Int, _ session: SessionID?) {
        holders[shard] = session
    }

    mutating func beginStoring(_ request: StoreRequest) {
        let shard = request.commit.shard.shard
        if states[shard] == .pending { unqueue(shard) }
        states[shard] = .storing
        requests[shard] = request
        storingCount += 1
    }

    /// Ends an attempt to store a shard, which is then leased or held again.
    mutating func endStoring(_ shard: Int) {
        requests[shard] = nil
        storingCount -= 1
        states[shard] = holders[shard] == nil ? .held : .leased
    }

    mutating func commit(_ shard: Int, digest: ContentDigest, device: Device?) {
        switch states[shard] {
        case .storing:
            requests[shard] = nil
            storingCount -= 1
        case .pending: unqueue(shard)
        case .leased, .held, .committed: break
        }
        holders[shard] = nil
        states[shard] = .committed
        digests[shard] = digest
        devices[shard] = device
        committedCount += 1
        if let device { countedByDevice[device, default: 0] += 1 }
    }

    /// Offers a shard again that was leased or held.
    mutating func release(_ shard: Int) {
        holders[shard] = nil
        states[shard] = .pending
        queue(shard)
    }

    /// Takes a shard off the offer until `release`.
    mutating func hold(_ shard: Int) {
        if states[shard] == .pending { unqueue(shard) }
        holders[shard] = nil
        states[shard] = .held
    }

    /// Changes what is known to be wrong with a shard; the blame decides its place in the queue.
    mutating func trouble(_ shard: Int, _ change: (inout Trouble) -> Void) {
        let isQueued = states[shard] == .pending && shard < freshIndex
        if isQueued { unqueue(shard) }
        change(&troubles[shard, default: Trouble()])
        if isQueued { queue(shard) }
    }

    /// Whether a device computed a counted shard.
    func counts(_ device: Device) -> Bool { countedByDevice[device, default: 0] > 0 }

    /// Forgets every counted shard; nothing may be on its way into the store.
    ///
    /// What is leased stays so.
    mutating func reset() {
        precondition(storingCount == 0, "A job is reset while a shard is stored")
        for shard in 0..<count where states[shard] == .committed {
            states[shard] = .pending
            digests[shard] = nil
            devices[shard] = nil
        }
        committedCount = 0
        countedByDevice = [:]
        freshIndex = 0
        returned = []
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

extension ShardReference {
    /// How many attempts a coordinator numbers for each shard before it is started again.
    static let attemptsPerEpoch = 4096

    /// An attempt's number among those since the coordinator was started, from 1.
    public static func attemptInEpoch(_ attempt: Int) -> Int { (max(attempt, 1) - 1) % attemptsPerEpoch + 1 }
}
