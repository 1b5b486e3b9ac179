internal import CoordinatorCore

/// Takes the results of shards; what comes of all of them is the job's output.
protocol ShardStore: AnyObject, Sendable {
    /// What comes of all shards.
    associatedtype Output: Sendable

    /// Stores a commit; the answer comes from any thread.
    func store(_ request: StoreRequest, answer: @escaping @Sendable (StoreAnswer) -> Void)
    /// Notes a sample that is left out from now on.
    func skip(_ sample: Int)
    /// Notes the shards for which workers computed different results that nobody could settle.
    func note(conflicts: [Int])
    /// Forgets everything, because a faulty device computed a part of it; nothing may be on its way here.
    func reset()
    /// What came of the whole job, once every shard is stored.
    func result() -> Output?
}
