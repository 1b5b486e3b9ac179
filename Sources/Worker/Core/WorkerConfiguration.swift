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
    /// How long to go on without a word from the coordinator.
    public var coordinatorTimeout: Duration = .seconds(600)

    /// A worker with the usual patience.
    public init(hello: Hello, session: SessionID) {
        self.hello = hello
        self.session = session
    }
}
