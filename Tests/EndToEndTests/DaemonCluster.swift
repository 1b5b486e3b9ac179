import ControlAPI
import Foundation
import Glibc
import TestSupport
import Testing

/// A coordinator's folder, its endpoint, and the processes around it.
final class DaemonCluster {
    let folder: TemporaryFolder
    let endpoint: String
    private(set) var coordinator: TareProcess
    private(set) var workers: [TareProcess] = []

    init(workers count: Int, http: String = "none") throws {
        folder = try TemporaryFolder()
        endpoint = "ipc://\(folder.path("socket"))"
        coordinator = try Self.startCoordinator(folder, endpoint, http: http)
        for _ in 0..<count { try addWorker() }
    }

    deinit {
        for process in workers + [coordinator] { kill(process.identifier, SIGKILL) }
        for process in workers + [coordinator] { _ = try? process.finish() }
    }

    private static func startCoordinator(
        _ folder: TemporaryFolder, _ endpoint: String, http: String = "none"
    ) throws -> TareProcess {
        try TareProcess(
            [
                "coordinator", "--state-dir", folder.path("state"), "--listen", endpoint, "--http", http,
                "--data-root", folder.url.path, "--data-root",
                URL(filePath: Example.model).deletingLastPathComponent().path,
            ], in: folder.url)
    }

    func addWorker() throws {
        workers.append(
            try TareProcess(
                ["worker", "--coordinator", endpoint, "--cache-directory", folder.path("cache")], in: folder.url))
    }

    func killWorker() throws {
        let worker = workers.removeFirst()
        kill(worker.identifier, SIGKILL)
        _ = try worker.finish()
    }

    /// Kills the coordinator, does something to what it left, and starts another.
    func restartCoordinator(after change: () throws -> Void = {}) throws {
        kill(coordinator.identifier, SIGKILL)
        _ = try coordinator.finish()
        try change()
        coordinator = try Self.startCoordinator(folder, endpoint)
    }

    /// Runs a client command against the coordinator.
    func ask(_ words: [String]) throws -> TareProcess.Outcome {
        try TareProcess.run(words + ["--coordinator", endpoint], in: folder.url)
    }

    func status(_ job: Int) throws -> JobDocument {
        let outcome = try ask(["status", "\(job)", "--json"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try Documents.decode(JobDocument.self, from: Array(outcome.output.utf8))
    }

    /// Whether a job is there and has ended.
    func hasEnded(_ job: Int) -> Bool {
        guard let outcome = try? ask(["status", "\(job)", "--json"]), outcome.status == 0 else { return false }
        let document = try? Documents.decode(JobDocument.self, from: Array(outcome.output.utf8))
        return document?.ended != nil
    }

    /// Where HTTP is served.
    func httpAddress() -> String? {
        var address: String?
        _ = becomesTrue {
            address = coordinator.errorsSoFar.firstMatch(of: /http:\/\/127\.0\.0\.1:[0-9]+/).map { String($0.0) }
            return address != nil
        }
        return address
    }

    /// How many workers have joined.
    func workerCount() throws -> Int {
        let outcome = try ask(["workers", "--json"])
        return try Documents.decode(PageDocument<WorkerDocument>.self, from: Array(outcome.output.utf8)).total
    }

    /// Stops the coordinator as an operator does.
    func stop() throws -> TareProcess.Outcome {
        kill(coordinator.identifier, SIGTERM)
        return try coordinator.finish()
    }
}
