internal import Calibration
internal import Foundation
internal import GRDB

extension StateStore {
    /// Takes a job.
    ///
    /// - Returns: Its number, and whether it is new: a submission with the same 16 bytes and content is the same job.
    /// - Throws: `full`; `refused` when blobs are missing, the 16 bytes belong to another job, or a value makes no sense.
    public func submit(_ submission: JobSubmission) throws(StateStoreError) -> (job: UInt64, isNew: Bool) {
        guard (1...Int(Int32.max)).contains(submission.shardCount) else {
            throw .refused(.malformed("A job of \(submission.shardCount) shards"))
        }
        let byteCount = submission.document.count + submission.specification.count + submission.delivery.count
        guard byteCount <= 512 << 20 else {
            throw .refused(.malformed("The documents of a job have \(byteCount) bytes; at most 512 MiB are allowed"))
        }
        let missing = try missingBlobs(submission.blobs)
        let known = try database.read("look for a job") { try Self.job(of: submission, $0) }
        if let known { return (known, false) }
        guard missing.isEmpty else { throw .refused(.missingBlobs(missing)) }
        try checkSpace(for: 2 * byteCount)
        let time = now
        return try database.write(
            "record a job", byteCount: byteCount, points: (.submitBefore, .submitDuring, .submitAfter)
        ) { database in
            if let known = try Self.job(of: submission, database) { return (known, false) }
            let job = (try Int.fetchOne(database, sql: "SELECT max(job) FROM jobs") ?? 0) + 1
            try StateSchema.jobs.insert(
                [
                    job, Data(submission.request.bytes), submission.name, submission.priority, submission.shardCount,
                    time, Data(submission.document), Data(submission.specification), Data(submission.delivery),
                ], into: database)
            for digest in Set(submission.blobs).sorted() {
                try StateSchema.jobBlobs.insert([job, Data(digest.bytes)], into: database)
            }
            return (UInt64(job), true)
        }
    }

    private func missingBlobs(_ digests: [ContentDigest]) throws(StateStoreError) -> [ContentDigest] {
        var missing: [ContentDigest] = []
        for digest in Set(digests).sorted() where try !blobs.contains(digest) { missing.append(digest) }
        return missing
    }

    /// The job with the request of a submission.
    private static func job(of submission: JobSubmission, _ database: Database) throws -> UInt64? {
        let rows = try StateSchema.jobs.rows(
            database, where: "request = ?", [Data(submission.request.bytes)], order: "job")
        guard let row = rows.first else { return nil }
        let job = UInt64(try row.integer(0))
        var first = try self.submission(row, database)
        first.blobs.sort()
        var again = submission
        again.blobs = Set(again.blobs).sorted()
        guard first == again else { throw StateStoreRefusal.requestReused(job: job) }
        return job
    }

    static func submission(_ row: SealedRow, _ database: Database) throws -> JobSubmission {
        let blobs = try StateSchema.jobBlobs.rows(
            database, where: "job = ?", [row.integer(0)], order: "digest")
        return JobSubmission(
            request: try row.identifier(1), name: try row.text(2), priority: try row.integer(3),
            shardCount: try row.integer(4), document: try row.bytes(6), specification: try row.bytes(7),
            delivery: try row.bytes(8), blobs: try blobs.map { try $0.digest(1) })
    }

    /// All jobs in the order of their submission.
    public func jobs() throws(StateStoreError) -> [JobSummary] {
        try database.read("list jobs") { database in
            try StateSchema.jobs.rows(database, order: "job").map { try Self.summary($0, database) }
        }
    }

    /// One job; `nil` when there is none with this number.
    public func job(_ job: UInt64) throws(StateStoreError) -> JobSummary? {
        try database.read("look for job \(job)") { database in
            try Self.jobRow(job, database).map { try Self.summary($0, database) }
        }
    }

    /// What was submitted as a job.
    public func submission(of job: UInt64) throws(StateStoreError) -> JobSubmission {
        try database.read("read job \(job)") { database in
            guard let row = try Self.jobRow(job, database) else { throw StateStoreRefusal.unknownJob(job) }
            return try Self.submission(row, database)
        }
    }

    static func jobRow(_ job: UInt64, _ database: Database) throws -> SealedRow? {
        guard let number = Int(exactly: job) else { return nil }
        return try StateSchema.jobs.rows(database, where: "job = ?", [number], order: "job").first
    }

    static func summary(_ row: SealedRow, _ database: Database) throws -> JobSummary {
        let job = try row.integer(0)
        let end = try StateSchema.ends.rows(database, where: "job = ?", [job], order: "job").first
        let results = try StateSchema.results.rows(database, where: "job = ?", [job], order: "name")
        return JobSummary(
            job: UInt64(job), name: try row.text(2), priority: try row.integer(3), shardCount: try row.integer(4),
            committedCount: try committedCount(job, database), submitted: try row.integer(5),
            end: try end.map { end in
                guard let state = JobState(rawValue: try end.text(1)), state.isEnd else {
                    throw DamagedRow(table: "ends", key: "\(job)")
                }
                return JobEnd(state: state, text: try end.text(2), exitStatus: try end.integer(3))
            }, ended: try end?.integer(4),
            results: try results.map { JobResult(name: try $0.text(1), digest: try $0.digest(2)) })
    }

    static func committedCount(_ job: Int, _ database: Database) throws -> Int {
        try Int.fetchOne(
            database.cachedStatement(sql: "SELECT count(*) FROM shards WHERE job = ?"), arguments: [job]) ?? 0
    }
}
