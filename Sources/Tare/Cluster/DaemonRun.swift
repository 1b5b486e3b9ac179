import Calibration
import CoordinatorHTTP
import CoordinatorService
import Foundation
import Launch
import Logging
import Wire

/// A daemon with everything around it: HTTP, metrics, the address file, and the service manager.
struct DaemonRun: Sendable {
    let daemon: CoordinatorDaemon<CalibrationJobFactory>
    let http: HTTPConfiguration?
    let address: AddressPublication
    let serverKey: String?
    let log: DaemonLog

    /// Serves until the task is cancelled.
    func run() async throws {
        let registry = PrometheusRegistry()
        let metrics = ClusterMetrics(
            factory: registry, build: Version.text, protocolVersion: Int(WireLimits.version))
        let notifier = ServiceNotifier(
            variables: ProcessInfo.processInfo.environment, process: Int(ProcessInfo.processInfo.processIdentifier))
        let metricsFeed = MetricsFeed(metrics: metrics)
        try await daemon.run { notice in
            metricsFeed.note(notice)
            log.show(notice)
        } serving: { desk in
            address.publish(desk.endpoint, serverKey: serverKey)
            defer { address.withdraw() }
            try notifier?.notify(.ready, .status("serving at \(desk.endpoint)"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                if let http {
                    let service = HTTPService(
                        configuration: http, provider: DaemonProvider(desk: desk, feed: metricsFeed),
                        registry: registry, logger: log.logger)
                    group.addTask { try await service.run { port in log.serves(host: http.host, port: port) } }
                }
                if let notifier, let interval = notifier.watchdogInterval {
                    group.addTask { try await feed(notifier, every: interval, desk) }
                }
                // Until the daemon ends, and with it the address stays published.
                group.addTask {
                    while true {
                        try await Task.sleep(for: .seconds(1))
                        await DaemonProvider(desk: desk, feed: metricsFeed).sample()
                        log.refused(metricsFeed.newlyRefusedConnections(total: ConnectionLimit.refusedConnections))
                    }
                }
                // Not waitForAll, which would wait for the others when one has failed.
                while try await group.next() != nil {}
            }
        }
    }

    /// Feeds the service manager's watchdog while the control thread answers: that is what it watches over.
    private func feed(_ notifier: ServiceNotifier, every interval: Duration, _ desk: ControlDesk) async throws {
        let provider = DaemonProvider(desk: desk, feed: nil)
        while !Task.isCancelled {
            if await provider.isAlive() { try notifier.notify(.watchdog) }
            try await Task.sleep(for: interval)
        }
    }
}
