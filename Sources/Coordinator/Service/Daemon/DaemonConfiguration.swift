public import CoordinatorCore

/// How a coordinator daemon runs.
public struct DaemonConfiguration: Sendable {
    /// Where its durable state lies.
    public var stateDirectory: String
    /// Where workers and clients reach it: `tcp://HOST:PORT` or `ipc://PATH`.
    public var endpoint: String
    /// Where its data socket listens; `nil` for the next port, or the same path with `.data`.
    public var dataEndpoint: String?
    /// Who may reach it; without keys it serves this machine only.
    public var access = ClusterAccess()
    /// The build, for people.
    public var build: String
    /// Times and limits.
    public var core = CoordinatorConfiguration()
    /// How many bytes of uploaded statistics may wait to be merged, and how many may be under way.
    public var uploadBytes = 1 << 30
    /// Free space of the state directory below which nothing more is taken.
    public var lowWaterBytes = 256 << 20

    /// Describes a daemon.
    public init(stateDirectory: String, endpoint: String, build: String) {
        self.stateDirectory = stateDirectory
        self.endpoint = endpoint
        self.build = build
    }
}
