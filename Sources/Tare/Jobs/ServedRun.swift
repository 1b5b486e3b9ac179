import Calibration
import CoordinatorCore
import CoordinatorService
import Foundation
import Launch
import Synchronization
import Wire

/// Serves one job after the other from this process: to workers of this machine, or to any at the endpoint that was named.
final class ServedRun: Sendable {
    private let cluster: LocalClusterOptions
    private let keys: CoordinatorKeyOptions
    private let access: ClusterAccess
    /// Further options of the workers that this process starts.
    private let workerWords: [String]
    /// Where workers from elsewhere found the last job; the next one is served there too.
    private let endpoint = Mutex<String?>(nil)
    private let served = Mutex(0)

    /// Decides who may connect.
    ///
    /// - Parameters:
    ///   - cluster: Which workers compute.
    ///   - keys: Keys for workers from elsewhere.
    ///   - workerWords: Further options of the workers that this process starts.
    /// - Throws: An error that names the keys or the endpoint that cannot be used.
    init(_ cluster: LocalClusterOptions, keys: CoordinatorKeyOptions, workerWords: [String] = []) throws {
        self.workerWords = workerWords
        self.cluster = cluster
        self.keys = keys
        if let listen = cluster.listen {
            access = try keys.access(at: Endpoint(listen))
        } else {
            // Keys of this run, which only its own workers get.
            access = cluster.transport == .tcp ? try ClusterAccess.withFreshKeys() : ClusterAccess()
        }
    }

    /// Serves a job to its end.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - shards: Number of its shards.
    ///   - title: What is being done, for the progress line.
    ///   - isLast: Whether no other job follows, so that workers from elsewhere leave.
    /// - Returns: What came of it.
    /// - Throws: What ended the job, or keeps it from being served.
    func run<Statistics: Sendable>(
        _ job: ClusterJob<Statistics>, shards: Int, title: String, isLast: Bool = true
    ) async throws -> CalibrationOutcome<Statistics> {
        try await serve(shards: shards, title: title, isLast: isLast) { service, notify in
            try await service.run(job, notify: notify)
        }
    }

    /// Serves a job of rounds to its end; `listener` is told what is shown too.
    func run(
        _ job: RoundJob, shards: Int, title: String, listener: @escaping @Sendable (ClusterNotice) -> Void
    ) async throws -> RoundTraffic {
        try await serve(shards: shards, title: title, isLast: true) { service, notify in
            try await service.run(job) { notice in
                listener(notice)
                notify(notice)
            }
        }
    }

    private func serve<Output: Sendable>(
        shards: Int, title: String, isLast: Bool,
        _ run:
            @escaping @Sendable (CoordinatorService, @escaping @Sendable (ClusterNotice) -> Void) async throws -> Output
    ) async throws -> Output {
        let service = CoordinatorService(configuration: configuration(shards: shards, isLast: isLast))
        let environment = try LaunchEnvironment(variables: ProcessInfo.processInfo.environment)
        let address = try AddressPublication(path: cluster.addressFile, job: environment.jobID?.value)
        defer { address.withdraw() }
        let reload =
            cluster.listen == nil ? nil : AllowListReload(access) { StandardStreams.writeError("tare: \($0)") }
        defer { reload?.cancel() }
        let display = ClusterDisplay(
            title: title, workerOptions: cluster.listen == nil ? nil : keys.workerOptions(access))
        let outcome = try await Interruption.cancelling {
            try await run(service) { [self] notice in
                if case .listening(let control, _) = notice {
                    if cluster.listen != nil { endpoint.withLock { $0 = control } }
                    address.publish(control, serverKey: access.publicKey?.text)
                }
                display.show(notice)
            }
        }
        display.finish()
        return outcome
    }

    /// Workers of this machine over a private endpoint, or of any machine at the one that was named.
    private func configuration(shards: Int, isLast: Bool) -> CoordinatorServiceConfiguration {
        let count = cluster.workerCount(shards: shards)
        var configuration = CoordinatorServiceConfiguration(
            endpoint: endpoint.withLock { $0 } ?? cluster.listen
                ?? (cluster.transport == .tcp ? "tcp://127.0.0.1:*" : nil),
            localWorkers: count > 0 ? localWorkers(count) : nil)
        configuration.access = access
        if cluster.listen != nil {
            configuration.keepsWorkers = !isLast
            // A worker that stays must not take a shard of this job for one of the job before.
            configuration.core.epoch = UInt64(
                served.withLock { count in
                    count += 1
                    return count
                })
        }
        return configuration
    }

    private func localWorkers(_ count: Int) -> LocalWorkersConfiguration {
        var workers = LocalWorkersConfiguration(count: count)
        workers.arguments += workerWords
        return workers
    }
}
