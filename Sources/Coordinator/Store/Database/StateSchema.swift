internal import Foundation
internal import GRDB
internal import Synchronization

/// The tables of the state and how they came to be.
///
/// A version that was released is never changed; a new one is added behind it, with a fixture of the version before.
struct StateSchema: Sendable {
    /// "TARE" in the header of the file, so that `file` and we know whose it is.
    static let applicationIdentifier = 0x5441_5245
    /// Bytes of a page of a new database: nodes of the tree have tens to hundreds of kilobytes.
    var pageBytes = 16384
    /// The migration to each version, from version 1 on.
    var versions: [@Sendable (Database) throws -> Void] = [createVersion1]

    /// What a new database of this schema looks like; made once for all databases that are opened with it.
    private let fresh = FreshDefinitions()

    /// The schema of this build.
    static let current = StateSchema()

    /// The version that this build writes.
    var currentVersion: Int { versions.count }

    /// Brings a database from any earlier version to the current one; each version is one transaction.
    var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for (index, migration) in versions.enumerated() {
            migrator.registerMigration("\(index + 1)") { database in try migration(database) }
        }
        return migrator
    }

    /// The version of a database; 0 for an empty one.
    func version(of database: Database) throws -> Int {
        guard try database.tableExists("grdb_migrations") else { return 0 }
        let identifiers = try String.fetchAll(database, sql: "SELECT identifier FROM grdb_migrations")
        // A name that is no number comes from a later build that counts differently.
        return identifiers.map { Int($0) ?? .max }.max() ?? 0
    }

    /// The definitions of all tables, to compare with those of a file.
    static func definitions(_ database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: """
                SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_master
                WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name
                """)
    }

    /// The definitions of a new database.
    func definitions() throws -> [String] {
        try fresh.definitions {
            let database = try DatabaseQueue()
            try migrator.migrate(database)
            return try database.read(Self.definitions)
        }
    }

    // MARK: Tables of the current version

    static let cluster = SealedTable(name: "cluster", columns: ["id", "identifier", "epoch"])
    static let jobs = SealedTable(
        name: "jobs",
        columns: [
            "job", "request", "name", "priority", "shard_count", "submitted", "submission", "specification", "delivery",
        ])
    static let jobBlobs = SealedTable(name: "job_blobs", columns: ["job", "digest"])
    static let ends = SealedTable(name: "ends", columns: ["job", "state", "text", "exit_status", "ended"])
    static let results = SealedTable(name: "results", columns: ["job", "name", "digest", "size"])
    static let shards = SealedTable(
        name: "shards",
        columns: [
            "job", "shard", "attempt", "session", "node", "rank", "digest", "size", "samples", "committed",
        ])
    static let nodes = SealedTable(
        name: "tree_nodes", columns: ["job", "level", "position", "digest", "size"], bytesColumn: "bytes")
    static let poisoned = SealedTable(name: "poisoned", columns: ["job", "sample", "reason", "recorded"])
    static let quarantined = SealedTable(name: "quarantined", columns: ["node", "rank", "reason", "recorded"])
    static let losses = SealedTable(
        name: "losses", columns: ["job", "shard", "session", "node", "rank", "reason", "recorded"])
    static let witnesses = SealedTable(
        name: "witnesses", columns: ["job", "shard", "session", "node", "rank", "digest", "recorded"])
    static let restarts = SealedTable(
        name: "restarts", columns: ["job", "restart", "node", "rank", "reason", "discarded", "recorded"])

    @Sendable private static func createVersion1(_ database: Database) throws {
        for definition in version1 { try database.execute(sql: definition) }
    }

    private static let version1 = [
        """
        CREATE TABLE cluster (id INTEGER PRIMARY KEY CHECK (id = 1), identifier BLOB NOT NULL, epoch INTEGER NOT NULL,
            seal BLOB NOT NULL) STRICT
        """,
        """
        CREATE TABLE jobs (job INTEGER PRIMARY KEY, request BLOB NOT NULL UNIQUE, name TEXT NOT NULL,
            priority INTEGER NOT NULL, shard_count INTEGER NOT NULL, submitted INTEGER NOT NULL,
            submission BLOB NOT NULL, specification BLOB NOT NULL, delivery BLOB NOT NULL, seal BLOB NOT NULL) STRICT
        """,
        """
        CREATE TABLE job_blobs (job INTEGER NOT NULL REFERENCES jobs, digest BLOB NOT NULL, seal BLOB NOT NULL,
            PRIMARY KEY (job, digest)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE ends (job INTEGER PRIMARY KEY REFERENCES jobs, state TEXT NOT NULL, text TEXT NOT NULL,
            exit_status INTEGER NOT NULL, ended INTEGER NOT NULL, seal BLOB NOT NULL) STRICT
        """,
        """
        CREATE TABLE results (job INTEGER NOT NULL REFERENCES ends, name TEXT NOT NULL, digest BLOB NOT NULL,
            size INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (job, name)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE shards (job INTEGER NOT NULL REFERENCES jobs, shard INTEGER NOT NULL, attempt INTEGER NOT NULL,
            session BLOB NOT NULL, node TEXT NOT NULL, rank INTEGER NOT NULL, digest BLOB NOT NULL,
            size INTEGER NOT NULL, samples INTEGER NOT NULL, committed INTEGER NOT NULL, seal BLOB NOT NULL,
            PRIMARY KEY (job, shard)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE tree_nodes (id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs, level INTEGER NOT NULL,
            position INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL, seal BLOB NOT NULL,
            bytes BLOB NOT NULL, UNIQUE (job, level, position)) STRICT
        """,
        """
        CREATE TABLE poisoned (job INTEGER NOT NULL REFERENCES jobs, sample INTEGER NOT NULL, reason TEXT NOT NULL,
            recorded INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (job, sample)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE quarantined (node TEXT NOT NULL, rank INTEGER NOT NULL, reason TEXT NOT NULL,
            recorded INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (node, rank)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE losses (job INTEGER NOT NULL REFERENCES jobs, shard INTEGER NOT NULL, session BLOB NOT NULL,
            node TEXT NOT NULL, rank INTEGER NOT NULL, reason TEXT NOT NULL, recorded INTEGER NOT NULL,
            seal BLOB NOT NULL, PRIMARY KEY (job, shard, session)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE witnesses (job INTEGER NOT NULL REFERENCES jobs, shard INTEGER NOT NULL, session BLOB NOT NULL,
            node TEXT NOT NULL, rank INTEGER NOT NULL, digest BLOB NOT NULL, recorded INTEGER NOT NULL,
            seal BLOB NOT NULL, PRIMARY KEY (job, shard, session)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE restarts (job INTEGER NOT NULL REFERENCES jobs, restart INTEGER NOT NULL, node TEXT NOT NULL,
            rank INTEGER NOT NULL, reason TEXT NOT NULL, discarded INTEGER NOT NULL, recorded INTEGER NOT NULL,
            seal BLOB NOT NULL, PRIMARY KEY (job, restart)) STRICT, WITHOUT ROWID
        """,
    ]
}

/// The definitions of a new database, made when they are first needed.
private final class FreshDefinitions: Sendable {
    private let kept = Mutex<[String]?>(nil)

    func definitions(_ make: () throws -> [String]) throws -> [String] {
        try kept.withLock { kept in
            let definitions = try kept ?? make()
            kept = definitions
            return definitions
        }
    }
}
