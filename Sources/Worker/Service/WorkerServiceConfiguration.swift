public import Foundation
public import Wire

/// How a worker runs.
public struct WorkerServiceConfiguration: Sendable {
    /// Where the coordinator listens: `tcp://HOST:PORT` or `ipc://PATH`.
    public var coordinator: String
    /// What the machine is called.
    public var node = HostName.current
    /// The worker's keys and the coordinator's; without them only a coordinator on this machine can be joined.
    public var security = SocketSecurity.unprotected
    /// Number of the worker on its machine.
    public var localRank = 0
    /// Where model files are kept, for all workers of the machine; `nil` for a folder in the temporary directory that the
    /// last worker of this user removes.
    public var cacheDirectory: URL?
    /// Whether standard input is a pipe whose closing ends the worker.
    public var endsWithParent = false
    /// The instruction set that the computers use, as the job names it.
    public var instructionSet: String
    /// The build, for people.
    public var build: String
    /// What computes.
    public var computers: any ShardComputerFactory
    /// How long to look for a coordinator that never answered.
    public var joinTimeout: Duration = .seconds(60)
    /// How long to go on without a word from the coordinator.
    public var coordinatorTimeout: Duration = .seconds(600)
    /// How long a shard in hand may take when the worker is asked to leave, before it is given back.
    public var drainGrace: Duration = .seconds(30)
    /// How long to work before leaving by itself; `nil` for ever.
    public var lifetime: Duration?
    /// Bytes of memory that the process may have; `nil` for no limit.
    public var memoryLimit: Int?
    /// Whether the last converted model stays in memory, ready to run.
    public var keepsModels = false
    /// Writes a line for people.
    public var log: @Sendable (String) -> Void = { _ in }

    /// Describes a worker.
    public init(coordinator: String, instructionSet: String, build: String, computers: any ShardComputerFactory) {
        self.coordinator = coordinator
        self.instructionSet = instructionSet
        self.build = build
        self.computers = computers
    }
}
