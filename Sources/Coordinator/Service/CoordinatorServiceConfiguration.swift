public import CoordinatorCore

/// How a coordinator runs.
public struct CoordinatorServiceConfiguration: Sendable {
    /// Where workers reach it, `tcp://127.0.0.1:PORT` or `ipc://PATH`; `nil` for a private endpoint of this process.
    public var endpoint: String?
    /// Where its data socket listens; `nil` for the next port, or the same path with `.data`.
    public var dataEndpoint: String?
    /// The workers that it starts on this machine; `nil` for none.
    public var localWorkers: LocalWorkersConfiguration?
    /// Who may reach it; without keys it serves this machine only.
    public var access = ClusterAccess()
    /// Times and limits.
    public var core = CoordinatorConfiguration()
    /// Whether workers wait for another coordinator at the same endpoint when the job has ended, instead of leaving.
    public var keepsWorkers = false
    /// How long workers may take to leave when the job has ended.
    public var closingGrace: Duration = .seconds(2)
    /// How many bytes of uploaded statistics may wait to be merged, and how many may be under way.
    public var uploadBytes = 1 << 30

    /// A coordinator at an endpoint.
    public init(endpoint: String? = nil, localWorkers: LocalWorkersConfiguration? = nil) {
        self.endpoint = endpoint
        self.localWorkers = localWorkers
    }
}

/// Worker processes on this machine.
public struct LocalWorkersConfiguration: Sendable {
    /// How many.
    public var count: Int
    /// Path of the executable; the running one by default.
    public var executable: String
    /// The arguments before those that say where the coordinator is.
    public var arguments: [String]
    /// Added to the environment; `OMP_NUM_THREADS=1` always is.
    public var environment: [(name: String, value: String)] = []
    /// How many workers that died are replaced.
    public var maximumRestarts: Int
    /// How long a worker may take to end after SIGTERM, before SIGKILL.
    public var grace: Duration = .seconds(2)

    /// Describes worker processes.
    ///
    /// Each is started as `EXECUTABLE ARGUMENTS... --coordinator ENDPOINT --local-rank N --cache-directory DIR
    /// --end-with-parent`; the last one means that standard input is a pipe whose closing ends the worker.
    public init(
        count: Int, executable: String = "/proc/self/exe", arguments: [String] = ["worker", "--data-is-verified"],
        maximumRestarts: Int? = nil
    ) {
        self.count = count
        self.executable = executable
        self.arguments = arguments
        self.maximumRestarts = maximumRestarts ?? 2 * count + 2
    }
}
