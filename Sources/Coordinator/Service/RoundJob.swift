public import Calibration

/// A job of rounds for a cluster: each round computes with what followed from the results of the one before.
public struct RoundJob: Sendable {
    /// What decides the results; its shards are those of all rounds.
    public var specification: JobSpecification
    /// How samples reach the workers.
    public var delivery: DataDelivery
    /// What workers may fetch: the model's files and whatever else the specification names by digest.
    public var blobs: [Blob]
    /// Where the samples' raw bytes come from when they are streamed.
    public var samples: (any SampleByteSource)?
    /// Shards of a round.
    public var shardsPerRound: Int
    /// What becomes of the results.
    public var reducer: any RoundReducer

    /// Describes a job.
    public init(
        specification: JobSpecification, delivery: DataDelivery, blobs: [Blob], samples: (any SampleByteSource)? = nil,
        shardsPerRound: Int, reducer: any RoundReducer
    ) {
        self.specification = specification
        self.delivery = delivery
        self.blobs = blobs
        self.samples = samples
        self.shardsPerRound = shardsPerRound
        self.reducer = reducer
    }
}

/// What becomes of the results of rounds; used by one thread at a time.
public protocol RoundReducer: AnyObject, Sendable {
    /// What the first round computes with. Called again, it begins anew.
    func start() throws -> [UInt8]
    /// Checks the result of a shard before it counts.
    ///
    /// - Throws: An error whose description says what is wrong with it; the worker is blamed.
    func check(_ result: [UInt8], shard: Int, input: ContentDigest) throws
    /// Takes the results of a round, in the order of its shards.
    ///
    /// - Parameters:
    ///   - firstShard: The shard of the first result.
    ///   - results: Those of it and of the shards after it.
    /// - Returns: What the next round computes with.
    /// - Throws: An error that ends the job.
    func finish(firstShard: Int, results: [[UInt8]]) throws -> [UInt8]
}

/// What a job of rounds sent and received.
public struct RoundTraffic: Sendable, Hashable {
    /// Rounds that are complete.
    public var rounds = 0
    /// Bytes of results that were taken.
    public var resultBytes = 0
    /// Bytes of inputs that were made, each counted once however many workers fetch it.
    public var inputBytes = 0
    /// Time in which results were reduced while workers waited for the next round.
    public var reducing = Duration.zero
}
