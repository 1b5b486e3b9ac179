public import Wire

/// Who a worker is and how long it is patient.
public struct WorkerConfiguration: Sendable, Hashable {
    /// The introduction, without shards to resume.
    public var hello: Hello
    /// Names this process towards the coordinator.
    public var session: SessionID
    /// How long to wait for an answer before saying something again.
    public var retryInterval: Duration = .seconds(1)
    /// How long to look for a coordinator that never answered.
    public var joinTimeout: Duration = .seconds(60)
    /// How long to go on without a word from the coordinator: a shard is computed meanwhile and its result kept.
    public var coordinatorTimeout: Duration = .seconds(600)
    /// How long a shard in hand may take when the process is asked to end, before it is given back.
    public var drainGrace: Duration = .seconds(30)
    /// How long to tell the coordinator that a shard is given back.
    public var farewellTimeout: Duration = .seconds(3)
    /// How long to work before leaving by itself, for machines that are lent for a limited time; `nil` for ever.
    public var lifetime: Duration?
    /// Bytes of memory that the process may have, `nil` for no limit; a shard that needs more is given back as too large.
    public var memoryLimit: Int?

    /// A worker with the usual patience.
    public init(hello: Hello, session: SessionID) {
        self.hello = hello
        self.session = session
    }
}
