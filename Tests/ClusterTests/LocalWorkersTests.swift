import Calibration
import CoordinatorCore
import CoordinatorService
import Foundation
import Glibc
import Synchronization
import Testing

/// Child processes that play workers badly.
@Suite(.timeLimit(.minutes(2))) struct LocalWorkersTests {
    private final class Log: Sendable {
        let lines = Mutex<[String]>([])
        let control = Mutex("")
    }

    /// Runs a job whose workers are shell scripts.
    private static func run(_ script: String, count: Int, log: Log, cancelAtFirstLine: Bool = false) async throws {
        let job = try FakeComputation.job(samples: 4, perShard: 1, delivery: .shared(paths: []))
        var local = LocalWorkersConfiguration(
            count: count, executable: "/bin/sh", arguments: ["-c", script], maximumRestarts: 3)
        local.grace = .milliseconds(100)
        local.environment = [("TARE_TEST", "yes")]
        let service = CoordinatorService(configuration: CoordinatorServiceConfiguration(localWorkers: local))
        let (lines, announce) = AsyncStream<Void>.makeStream()
        let task = Task {
            defer { announce.finish() }
            _ = try await service.run(job) { notice in
                switch notice {
                case .workerLog(_, let line):
                    log.lines.withLock { $0.append(line) }
                    announce.yield(())
                case .listening(let control, _): log.control.withLock { $0 = control }
                default: break
                }
            }
        }
        if cancelAtFirstLine {
            for await _ in lines { break }
            task.cancel()
        }
        try await task.value
    }

    @Test func workersThatDieAreReplacedAFewTimesThenTheLastWordsAreTheReason() async throws {
        let log = Log()
        await #expect(
            throws: JobFailure.workers(text: "worker 0: it ended with status 70; it said: out of cheese yes 1")
        ) {
            try await Self.run("echo out of cheese $TARE_TEST $OMP_NUM_THREADS >&2; exit 70", count: 1, log: log)
        }
        #expect(log.lines.withLock { $0.count } == 4)
    }

    @Test func aWorkerThatCannotBeConfiguredIsNotTriedAgain() async throws {
        let log = Log()
        await #expect(throws: JobFailure.workers(text: "worker 0: it ended with status 64; it said: unknown flag")) {
            try await Self.run("echo unknown flag; exit 64", count: 1, log: log)
        }
        #expect(log.lines.withLock { $0 } == ["unknown flag"])
    }

    @Test func cancellingLeavesNoProcessAndNoFolderEvenWhenAWorkerIsStubborn() async throws {
        let log = Log()
        await #expect(throws: JobFailure.cancelled(text: "stopped by the user")) {
            try await Self.run(
                "trap '' TERM; echo $$; while :; do read line || :; done", count: 1, log: log, cancelAtFirstLine: true)
        }
        let process = try #require(log.lines.withLock { $0.first }.flatMap { pid_t($0) })
        #expect(kill(process, 0) != 0 && errno == ESRCH)
        let path = log.control.withLock { String($0.dropFirst(6)) }
        #expect(!FileManager.default.fileExists(atPath: URL(filePath: path).deletingLastPathComponent().path))
    }

    @Test func anExecutableThatIsNotThereIsNamed() async throws {
        let job = try FakeComputation.job(samples: 4, perShard: 1, delivery: .shared(paths: []))
        let service = CoordinatorService(
            configuration: CoordinatorServiceConfiguration(
                localWorkers: LocalWorkersConfiguration(count: 2, executable: "/nonexistent/tare")))
        await #expect(throws: JobFailure.self) { _ = try await service.run(job) }
    }
}
