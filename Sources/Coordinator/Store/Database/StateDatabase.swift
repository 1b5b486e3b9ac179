internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import Glibc
internal import Synchronization

/// The SQLite file of the state: one connection that nobody shares, write-ahead log, full synchronisation.
final class StateDatabase: Sendable {
    let path: String
    private let queue: DatabaseQueue
    private let latch: FailureLatch
    private let checkpointBytes: Int
    private let pageBytes: Int
    /// About how many bytes are in the log and not in the database.
    private let logBytes = Atomic<Int>(0)

    init(
        path: String, schema: StateSchema, checkpointBytes: Int, latch: FailureLatch
    ) throws(StateStoreError) {
        self.path = path
        self.latch = latch
        self.checkpointBytes = checkpointBytes
        pageBytes = schema.pageBytes
        try Self.checkFiles(path, latch: latch)
        do {
            queue = try DatabaseQueue(path: path, configuration: Self.configuration)
            try queue.writeWithoutTransaction { database in try Self.prepare(database, path: path, schema: schema) }
            try schema.migrator.migrate(queue)
            try queue.read { database in try Self.checkSchema(database, path: path, schema: schema) }
        } catch {
            throw latch.note(StateStoreError(error, operation: "open the state", path: path))
        }
        try checkpoint(.truncate)
    }

    // MARK: Opening

    /// What SQLite would not notice: a file of another kind, a log that it would ignore, damage inside the log.
    private static func checkFiles(_ path: String, latch: FailureLatch) throws(StateStoreError) {
        let logPath = path + "-wal"
        let (header, logSize, damage): ([UInt8], Int, Int?)
        do {
            // Made here so that only this user may read it; SQLite gives its other files the same mode.
            let file = try PosixFile(path, flags: O_RDWR | O_CREAT, operation: "open the state")
            header = try file.read(at: 0, count: 100)
            logSize = try FileSystem.status(logPath)?.size ?? 0
            damage = try WriteAheadLog(path: logPath)?.damagedOffset()
        } catch {
            throw StateStoreError(error)
        }
        if !header.isEmpty, !header.starts(with: Array("SQLite format 3\0".utf8)) || header.count < 100 {
            throw .foreign(file: path, reason: "its first bytes are not those of an SQLite database")
        }
        // Versions of the file and schema format; SQLite calls what it does not know read-only or a misuse.
        if !header.isEmpty,
            ![1, 2].contains(header[18]) || ![1, 2].contains(header[19]) || header[44...46] != [0, 0, 0]
                || header[47] > 4
        {
            throw .damaged(file: path, reason: "its header names a file format that does not exist")
        }
        // Bytes 18 and 19 are 2 for a database with a log; otherwise SQLite would drop the log.
        if logSize > 0, header.isEmpty || header[18] != 2 || header[19] != 2 {
            throw .damaged(file: path, reason: "its header says that it has no write-ahead log, but \(logPath) exists")
        }
        if let damage {
            throw .damaged(file: logPath, reason: "the bytes at offset \(damage) were changed after they were written")
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "tare.state"
        configuration.prepareDatabase { database in
            // One process by our own lock: no shared memory file, no reader that keeps the log from being emptied.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            // Debian's SQLite would write zeros over every removed node.
            try database.execute(sql: "PRAGMA secure_delete = OFF")
            try database.execute(sql: "PRAGMA cache_size = -32768")
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            try database.execute(sql: "PRAGMA cell_size_check = ON")
        }
        return configuration
    }

    private static func prepare(_ database: Database, path: String, schema: StateSchema) throws {
        let identifier = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        if identifier != StateSchema.applicationIdentifier {
            let names = try String.fetchAll(database, sql: "SELECT name FROM sqlite_master ORDER BY name")
            guard identifier == 0, names.isEmpty else {
                throw StateStoreError.foreign(
                    file: path, reason: "it is an SQLite database of another program (application_id \(identifier))")
            }
            try database.execute(sql: "PRAGMA page_size = \(schema.pageBytes)")
            try database.execute(sql: "PRAGMA application_id = \(StateSchema.applicationIdentifier)")
        }
        let version = try schema.version(of: database)
        guard version <= schema.currentVersion else {
            throw StateStoreError.newer(file: path, found: version, known: schema.currentVersion)
        }
        let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw StateStoreError.broken(
                operation: "open the state with a write-ahead log", path: path, reason: "SQLite answers '\(mode ?? "")'"
            )
        }
        try database.execute(sql: "PRAGMA synchronous = FULL")
        try database.execute(sql: "PRAGMA wal_autocheckpoint = 0")
        try database.execute(sql: "PRAGMA journal_size_limit = 67108864")
        let findings = try String.fetchAll(database, sql: "PRAGMA quick_check(3)")
        guard findings == ["ok"] else {
            throw StateStoreError.damaged(file: path, reason: findings.joined(separator: "; "))
        }
    }

    /// Compares the tables with those that this build would make, and the rows' references.
    private static func checkSchema(_ database: Database, path: String, schema: StateSchema) throws {
        guard try StateSchema.definitions(database) == schema.definitions() else {
            throw StateStoreError.damaged(file: path, reason: "its tables are not those of its version")
        }
        if let row = try Row.fetchOne(database, sql: "PRAGMA foreign_key_check") {
            throw StateStoreError.damaged(file: path, reason: "a row belongs to nothing: \(row.description)")
        }
    }

    // MARK: Use

    /// Reads.
    func read<Value>(_ operation: String, _ body: (Database) throws -> Value) throws(StateStoreError) -> Value {
        try latch.check()
        do {
            return try queue.read(body)
        } catch {
            throw failure(error, operation)
        }
    }

    /// Writes in one transaction, which is durable on return and has left no trace after an error.
    ///
    /// - Parameters:
    ///   - operation: What it is, for messages.
    ///   - byteCount: About how many bytes it writes.
    ///   - points: Failpoints before it, before its commit, and after it.
    ///   - body: The statements.
    /// - Returns: What `body` returns.
    /// - Throws: What the error means for the state; `body` may throw a refusal.
    func write<Value>(
        _ operation: String, byteCount: Int = 0, points: (before: Failpoint, during: Failpoint, after: Failpoint),
        _ body: (Database) throws -> Value
    ) throws(StateStoreError) -> Value {
        try latch.check()
        Failpoint.hit(points.before)
        let value: Value
        do {
            value = try queue.write { database in
                let value = try body(database)
                Failpoint.hit(points.during)
                return value
            }
        } catch {
            throw failure(error, operation)
        }
        Failpoint.hit(points.after)
        let total = logBytes.add(byteCount + 4 * pageBytes, ordering: .relaxed).newValue
        // The transaction is durable: trouble with emptying the log belongs to the next call.
        if total > checkpointBytes { try? checkpoint() }
        return value
    }

    /// What an error means, remembered if nothing can be promised after it.
    private func failure(_ error: any Error, _ operation: String) -> StateStoreError {
        let code = queue.writeWithoutTransaction { unsafe sqlite3_system_errno($0.sqliteConnection) }
        return latch.note(StateStoreError(error, operation: operation, path: path, systemCode: code))
    }

    /// Copies the log into the database, so that the log can be written from its start again.
    func checkpoint(_ kind: Database.CheckpointMode = .passive) throws(StateStoreError) {
        try latch.check()
        Failpoint.hit(.checkpointBefore)
        do {
            _ = try queue.writeWithoutTransaction { database in try database.checkpoint(kind) }
        } catch {
            let error = failure(error, "empty the log")
            // The log keeps everything; it grows until there is room.
            if error.isTemporary { return }
            throw error
        }
        logBytes.store(0, ordering: .relaxed)
        Failpoint.hit(.checkpointAfter)
    }
}
