internal import ControlAPI
internal import CoreMetrics
internal import Metrics
internal import Synchronization

/// The gauges that are set from a snapshot.
final class SnapshotGauges: Sendable {
    private let factory: any MetricsFactory
    private let epoch: Gauge
    private let jobs: [JobPhase: Gauge]
    private let workers: [WorkerPhase: Gauge]
    private let shards: [ShardPhase: Gauge]
    private let quarantinedDevices: Gauge
    private let stateBytes: Gauge
    private let stateFreeBytes: Gauge
    private let utilization = Mutex<[String: Gauge]>([:])

    init(factory: any MetricsFactory) {
        func gauge(_ metric: MetricDescription) -> Gauge { Gauge(label: metric.name, factory: factory) }
        func gauges<State: RawRepresentable & CaseIterable & Hashable>(
            _ metric: MetricDescription, _ type: State.Type
        ) -> [State: Gauge] where State.RawValue == String {
            let pairs = State.allCases.map { state in
                (state, Gauge(label: metric.name, dimensions: [("state", state.rawValue)], factory: factory))
            }
            return Dictionary(uniqueKeysWithValues: pairs)
        }
        self.factory = factory
        epoch = gauge(MetricNames.epoch)
        jobs = gauges(MetricNames.jobs, JobPhase.self)
        workers = gauges(MetricNames.workers, WorkerPhase.self)
        shards = gauges(MetricNames.shards, ShardPhase.self)
        quarantinedDevices = gauge(MetricNames.quarantinedDevices)
        stateBytes = gauge(MetricNames.stateBytes)
        stateFreeBytes = gauge(MetricNames.stateFreeBytes)
    }

    func update(_ snapshot: ClusterSnapshot) {
        epoch.record(snapshot.epoch)
        for state in JobPhase.allCases { jobs[state]?.record(snapshot.jobs[state] ?? 0) }
        for state in WorkerPhase.allCases { workers[state]?.record(snapshot.workers[state] ?? 0) }
        for state in ShardPhase.allCases { shards[state]?.record(snapshot.shards[state] ?? 0) }
        quarantinedDevices.record(snapshot.quarantinedDevices)
        stateBytes.record(snapshot.stateBytes)
        stateFreeBytes.record(snapshot.stateFreeBytes)
        updateUtilization(snapshot.deviceUtilization)
    }

    /// Workers come and go: a series ends with its worker, and only so many workers have one.
    private func updateUtilization(_ ratios: [String: Double]) {
        let shown = ratios.keys.sorted().prefix(ClusterMetrics.workerLabels)
        utilization.withLock { gauges in
            let gone = Set(gauges.keys).subtracting(shown)
            for worker in gone.sorted() { gauges.removeValue(forKey: worker)?.destroy() }
            for worker in shown {
                let gauge =
                    gauges[worker]
                    ?? Gauge(
                        label: MetricNames.deviceUtilization.name, dimensions: [("worker", worker)], factory: factory)
                gauges[worker] = gauge
                gauge.record(ratios[worker] ?? 0)
            }
        }
    }
}
