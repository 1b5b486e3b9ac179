import ControlAPI
import Foundation

/// Follows a job and shows its progress.
struct JobWatch {
    let connection: CoordinatorConnection

    /// Time between two questions.
    private static let interval = 0.5

    /// Waits for the end of a job.
    ///
    /// - Returns: The job as it ended.
    func untilEnd(of job: JobDocument) throws -> JobDocument {
        var latest = job
        var progress = ProgressLine(title: "job \(job.id)", unit: "samples", alreadyDone: job.samplesDone)
        while latest.ended == nil {
            Thread.sleep(forTimeInterval: Self.interval)
            latest = try connection.ask(.status(job: job.id), for: JobDocument.self, timeout: .seconds(600))
            progress.update(
                done: latest.samplesDone, total: latest.samplesTotal,
                detail: "\(latest.workers) \(latest.workers == 1 ? "worker" : "workers")")
        }
        progress.finish()
        return latest
    }

    /// Waits for the job that goes on with what a completed job gave.
    ///
    /// - Parameters:
    ///   - job: The completed job.
    ///   - what: What the coordinator has to do, for messages.
    /// - Returns: The next job as it ended.
    /// - Throws: `CommandFailure` when the coordinator has not taken it in an hour: it hashes the data first.
    func untilFollowed(_ job: JobDocument, what: String) throws -> JobDocument {
        let deadline = ContinuousClock.now + .seconds(3600)
        while ContinuousClock.now < deadline {
            let latest = try connection.ask(.status(job: job.id), for: JobDocument.self)
            if let next = latest.followUp {
                return try untilEnd(of: connection.ask(.status(job: next), for: JobDocument.self))
            }
            Thread.sleep(forTimeInterval: Self.interval)
        }
        throw CommandFailure(.badData, "The coordinator does not \(what) job \(job.id); its log says why")
    }
}

extension JobDocument {
    /// Whether it is the first of two passes: the model comes from the job that follows.
    var isFirstPass: Bool { state == .completed && !results.contains { $0.name == "model" } }
}

/// Shows jobs.
struct JobReport {
    let json: Bool

    /// Shows one job.
    func show(_ job: JobDocument) throws {
        if json {
            StandardStreams.writeOutput(try Documents.text(job))
            return
        }
        for line in Self.lines(job) { StandardStreams.writeOutput(line) }
    }

    private static func lines(_ job: JobDocument) -> [String] {
        var lines = [
            "job \(job.id) (\(job.name)): \(job.state.rawValue), \(job.shardsDone)/\(job.shardsTotal) shards, "
                + "\(job.samplesDone)/\(job.samplesTotal) samples"
        ]
        if let rate = job.samplesPerSecond {
            let left = job.secondsLeft.map { String(format: ", about %.0f s left", $0) } ?? ""
            lines.append(String(format: "%.1f samples/s with %d workers", rate, job.workers) + left)
        }
        if let failure = job.failure { lines.append(failure.text) }
        for file in job.results { lines.append("\(file.name) sha256 \(file.sha256) (\(file.bytes) bytes)") }
        if job.isFirstPass {
            lines.append(
                "this was the first of two passes; the model comes from job \(job.followUp.map(String.init) ?? "that follows")"
            )
        } else if job.state == .completed {
            lines.append("\(job.workersReady) workers have loaded the model")
        }
        for conflict in job.conflicts {
            lines.append("warning: shard \(conflict.shard) was computed differently by two devices")
        }
        for sample in job.poisonedSamples {
            lines.append("warning: sample \(sample.sample) was left out: \(sample.text)")
        }
        return lines
    }

    /// Ends the command as the job ended.
    ///
    /// - Throws: `CommandFailure` with the job's exit status unless it is completed.
    static func exitUnlessCompleted(_ job: JobDocument) throws {
        guard job.state != .completed else { return }
        let status = job.failure.flatMap { ExitStatus(rawValue: Int32($0.exitStatus)) } ?? .internalFault
        throw CommandFailure(
            status, "Job \(job.id) is \(job.state.rawValue): \(job.failure?.text ?? "no reason given")")
    }
}
