internal import Calibration
internal import Foundation
internal import GRDB

/// How a state directory is used.
public struct StateStoreConfiguration: Sendable {
    /// Shards, submissions and blobs are held back when less is free, so that decisions can still be recorded.
    public var lowWaterBytes = 256 << 20
    /// Size of SQLite's log from which on it is emptied.
    public var checkpointBytes = 64 << 20
    /// Seconds for which a blob or a partial upload that no job names is kept across restarts.
    public var unreferencedSeconds = 24 * 3600
    /// The time for people, in milliseconds since 1970.
    public var wallClock: @Sendable () -> Int = { Int(Date().timeIntervalSince1970 * 1000) }

    /// The usual values.
    public init() {}
}

/// The durable state of a coordinator: jobs, counted shards with their merged statistics, decisions, and blobs.
///
/// What a call wrote is durable when it returns, and nothing of it is there when it throws. Any thread may call; calls
/// wait for each other. After a `broken` or `damaged` error every call fails with the same error.
public final class StateStore: Sendable {
    /// Files under their digests.
    public let blobs: BlobStore
    /// The cluster; the same for the life of the directory.
    public let cluster: StateIdentifier
    /// One more than that of the process before.
    public let epoch: UInt64

    let database: StateDatabase
    let configuration: StateStoreConfiguration
    let directory: String
    private let lock: DirectoryLock
    private let latch: FailureLatch

    /// Opens the state in a directory, which is made when it is missing, and begins the next epoch.
    ///
    /// - Throws: `locked` when another coordinator has it; `foreign`, `newer` or `damaged` when the files are not those of a
    ///   state that this build can go on with; `full` when not even the epoch can be written.
    public convenience init(
        directory: String, configuration: StateStoreConfiguration = StateStoreConfiguration()
    ) throws(StateStoreError) {
        try self.init(directory: directory, configuration: configuration, schema: .current)
    }

    init(directory: String, configuration: StateStoreConfiguration, schema: StateSchema) throws(StateStoreError) {
        try Failpoint.check()
        self.directory = directory
        self.configuration = configuration
        latch = FailureLatch()
        do {
            try FileSystem.makeDirectory(directory)
        } catch {
            throw StateStoreError(error)
        }
        lock = try DirectoryLock(directory: directory)
        database = try StateDatabase(
            path: directory + "/state.sqlite", schema: schema, checkpointBytes: configuration.checkpointBytes,
            latch: latch)
        blobs = try BlobStore(directory: directory, lowWaterBytes: configuration.lowWaterBytes, latch: latch)
        (cluster, epoch) = try Self.beginEpoch(database)
        try latch.run { () throws(SystemFailure) in try FileSystem.synchronizeDirectory(directory) }
        try blobs.removeUnreferenced(
            keeping: referencedBlobs(), olderThan: configuration.unreferencedSeconds,
            now: configuration.wallClock() / 1000)
    }

    private static func beginEpoch(
        _ database: StateDatabase
    ) throws(StateStoreError) -> (StateIdentifier, UInt64) {
        try database.write("begin an epoch", points: (.epochBefore, .epochDuring, .epochAfter)) { database in
            var generator = SystemRandomNumberGenerator()
            var identifier = StateIdentifier(high: generator.next(), low: generator.next())
            var epoch = 1
            if let row = try StateSchema.cluster.rows(database, order: "id").first {
                identifier = try row.identifier(1)
                epoch = try row.integer(2) + 1
                try database.execute(sql: "DELETE FROM cluster")
            }
            try StateSchema.cluster.insert([1, Data(identifier.bytes), epoch], into: database)
            return (identifier, UInt64(epoch))
        }
    }

    /// Whether shards, submissions and blobs can be written now.
    ///
    /// - Throws: `full` with the figures when they cannot; `broken` or `damaged` when nothing can be written any more.
    public func checkSpace() throws(StateStoreError) {
        try checkSpace(for: 0)
    }

    func checkSpace(for byteCount: Int) throws(StateStoreError) {
        try blobs.checkSpace(for: byteCount)
    }

    /// The time for people.
    var now: Int { configuration.wallClock() }

    /// Blobs that jobs need or gave.
    private func referencedBlobs() throws(StateStoreError) -> Set<ContentDigest> {
        try database.read("list blobs") { database in
            let needed = try StateSchema.jobBlobs.rows(database, order: "job, digest").map { try $0.digest(1) }
            let given = try StateSchema.results.rows(database, order: "job, name").map { try $0.digest(2) }
            return Set(needed + given)
        }
    }
}
