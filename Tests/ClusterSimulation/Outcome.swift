/// What a simulated world came to.
public struct Outcome: Equatable, Sendable {
    /// What must never happen and did.
    public var problems: [String] = []
    /// How often what happened.
    public var tally = Tally()
    /// A number that depends on everything that happened, in order.
    public var hash: UInt64 = 0
}

/// Counts of what happened in simulated worlds.
public struct Tally: Equatable, Sendable {
    /// The counts by name, in the order of `names`.
    public private(set) var counts = [Int](repeating: 0, count: Name.allCases.count)

    /// What is counted.
    public enum Name: String, CaseIterable, Sendable {
        case events = "events"
        case milliseconds = "simulated milliseconds"
        case kills = "workers killed"
        case coordinatorKills = "coordinators killed"
        case cuts = "links cut (one way)"
        case pauses = "processes stopped for a while"
        case dropped = "messages dropped"
        case duplicated = "messages duplicated"
        case delayed = "messages delayed up to 3 s"
        case garbage = "messages of strangers and nonsense"
        case refused = "writes refused (disk full)"
        case unsynced = "writes lost by a crash"
        case torn = "writes kept by a crash but not answered"
        case executions = "shards computed"
        case committed = "shards counted"
        case returned = "shards taken back"
        case speculations = "second attempts at stragglers"
        case audits = "audits"
        case trials = "trials of suspected samples"
        case bisections = "bisections"
        case skipped = "samples skipped"
        case lies = "wrong results computed"
        case conflicts = "conflicts found"
        case quarantines = "devices quarantined"
        case resets = "jobs started over"
        case cancels = "jobs cancelled"
        case failedJobs = "jobs failed (poisoned samples)"
        case completedJobs = "jobs completed"
        case drains = "workers drained"
        case models = "models loaded"
        case lateMessages = "old messages delivered after the end"
        case rounds = "rounds closed"
        case joinedInRound = "workers that joined in the middle of a round"
        case closedResults = "results of closed rounds"
        case closedClaims = "results and claims of rounds that are not open"
    }

    /// Nothing.
    public init() {}

    /// A count.
    public subscript(name: Name) -> Int {
        get { counts[Self.index(name)] }
        set { counts[Self.index(name)] = newValue }
    }

    /// Adds other counts.
    public mutating func add(_ other: Tally) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    private static let indices: [Name: Int] = Dictionary(
        uniqueKeysWithValues: Name.allCases.enumerated().map { ($1, $0) })

    private static func index(_ name: Name) -> Int { indices[name] ?? 0 }
}

/// A bug that is put into a world on purpose, to see whether it is found: the shipped cores stay as they are.
public enum Mutation: String, CaseIterable, Sendable {
    /// A result that comes a second time is merged a second time.
    case noDeduplication
    /// A commit is acknowledged when it is handed to the store.
    case acknowledgesBeforeDurable
    /// A worker that has to say hello again forgets what it has computed.
    case dropsResultAtRejoin
    /// Results are merged in the order in which they arrive.
    case foldsInArrivalOrder
    /// The end of a job is told before it is recorded.
    case revealsEndBeforeDurable
    /// An audit's result is believed to be the same.
    case ignoresConflicts
    /// A sample is left out before that is recorded.
    case skipsBeforeDurable
    /// All rounds are open from the beginning.
    case forgetsRounds
    /// Every round is told to compute with what the first one computes with.
    case keepsFirstInput
    /// The coordinator is not told that a round may begin.
    case losesRoundOpening
    /// The results of a round are reduced in the order in which they arrive.
    case reducesInArrivalOrder
}
