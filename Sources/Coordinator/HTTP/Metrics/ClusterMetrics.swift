internal import ControlAPI
public import CoreMetrics
internal import Metrics
internal import Synchronization

/// The coordinator's metrics, one method for each thing that happens; may be called from any thread.
///
/// Every series with a fixed label exists from the start, with 0, so that a rate is right from the first event on.
public final class ClusterMetrics: Sendable {
    /// How many workers get a series of their own.
    public static let workerLabels = 256

    private let factory: any MetricsFactory
    private let sessions: Counter
    private let attempts: LabelledCounters<AttemptOutcome>
    private let commits: LabelledCounters<CommitResult>
    private let shardDuration: Timer
    private let samples: Counter
    private let leaseExpirations: LabelledCounters<LeaseExpiry>
    private let speculations: Counter
    private let comparisons: LabelledCounters<ComparisonResult>
    private let poisonedSamples: Counter
    private let transaction: Timer
    private let received: LabelledCounters<TransferKind>
    private let sent: LabelledCounters<TransferKind>
    private let handshakeFailures: LabelledCounters<HandshakeFailure>
    private let rejections: LabelledCounters<FrameRejection>
    private let lag: Timer
    private let gauges: SnapshotGauges

    /// Makes all metrics.
    ///
    /// - Parameters:
    ///   - factory: Where they go: a `PrometheusRegistry`, or any other backend of swift-metrics.
    ///   - build: Version of Tare.
    ///   - protocolVersion: Version of the protocol between coordinator and workers.
    public init(factory: any MetricsFactory, build: String, protocolVersion: Int) {
        func counter(_ metric: MetricDescription) -> Counter { Counter(label: metric.name, factory: factory) }
        func timer(_ metric: MetricDescription) -> Timer { Timer(label: metric.name, factory: factory) }
        self.factory = factory
        sessions = counter(MetricNames.workerSessions)
        attempts = LabelledCounters(MetricNames.shardAttempts, label: "outcome", factory: factory)
        commits = LabelledCounters(MetricNames.shardCommits, label: "result", factory: factory)
        shardDuration = timer(MetricNames.shardDuration)
        samples = counter(MetricNames.samples)
        leaseExpirations = LabelledCounters(MetricNames.leaseExpirations, label: "reason", factory: factory)
        speculations = counter(MetricNames.speculativeAttempts)
        comparisons = LabelledCounters(MetricNames.comparisons, label: "result", factory: factory)
        poisonedSamples = counter(MetricNames.poisonedSamples)
        transaction = timer(MetricNames.storeTransaction)
        received = LabelledCounters(
            MetricNames.transferBytes, label: "kind", with: [("direction", TransferDirection.received.rawValue)],
            factory: factory)
        sent = LabelledCounters(
            MetricNames.transferBytes, label: "kind", with: [("direction", TransferDirection.sent.rawValue)],
            factory: factory)
        handshakeFailures = LabelledCounters(MetricNames.handshakeFailures, label: "reason", factory: factory)
        rejections = LabelledCounters(MetricNames.rejectedFrames, label: "reason", factory: factory)
        lag = timer(MetricNames.eventLoopLag)
        gauges = SnapshotGauges(factory: factory)
        Gauge(
            label: MetricNames.buildInformation.name,
            dimensions: [("version", build), ("protocol", "\(protocolVersion)")], factory: factory
        ).record(1)
    }

    /// A worker opened a session.
    public func sessionOpened() { sessions.increment() }

    /// Attempts at shards ended.
    public func attemptEnded(_ outcome: AttemptOutcome, count: Int = 1) { attempts.increment(outcome, by: count) }

    /// Results of workers were answered.
    public func committed(result: CommitResult, count: Int = 1) { commits.increment(result, by: count) }

    /// A shard is counted.
    ///
    /// - Parameters:
    ///   - count: Its samples.
    ///   - duration: How long the worker took; `nil` when that is not known.
    public func shardCounted(samples count: Int, duration: Duration?) {
        samples.increment(by: count)
        if let duration { shardDuration.record(duration: duration) }
    }

    /// Leases were taken back.
    public func leaseExpired(reason: LeaseExpiry, count: Int = 1) { leaseExpirations.increment(reason, by: count) }

    /// A shard that runs long was given to a second worker.
    public func speculated() { speculations.increment() }

    /// Two results of one shard were compared.
    public func compared(_ result: ComparisonResult, count: Int = 1) { comparisons.increment(result, by: count) }

    /// A sample is left out from now on.
    public func samplePoisoned() { poisonedSamples.increment() }

    /// A transaction became durable.
    public func transactionEnded(duration: Duration) { transaction.record(duration: duration) }

    /// Payload went over the data socket.
    public func transferred(_ direction: TransferDirection, _ kind: TransferKind, bytes: Int) {
        switch direction {
        case .received: received.increment(kind, by: bytes)
        case .sent: sent.increment(kind, by: bytes)
        }
    }

    /// A connection was refused.
    public func handshakeFailed(reason: HandshakeFailure, count: Int = 1) {
        handshakeFailures.increment(reason, by: count)
    }

    /// A message was refused.
    public func frameRejected(reason: FrameRejection) { rejections.increment(reason) }

    /// A command waited for the control thread.
    public func commandWaited(_ duration: Duration) { lag.record(duration: duration) }

    /// Sets all gauges.
    public func update(_ snapshot: ClusterSnapshot) { gauges.update(snapshot) }
}

/// A counter for each value of a label.
struct LabelledCounters<Label: RawRepresentable & CaseIterable & Hashable & Sendable>: Sendable
where Label.RawValue == String {
    private let counters: [Label: Counter]

    init(
        _ metric: MetricDescription, label: String, with dimensions: [(String, String)] = [],
        factory: any MetricsFactory
    ) {
        counters = Dictionary(
            uniqueKeysWithValues: Label.allCases.map { value in
                (
                    value,
                    Counter(label: metric.name, dimensions: dimensions + [(label, value.rawValue)], factory: factory)
                )
            })
    }

    func increment(_ label: Label, by count: Int = 1) {
        counters[label]?.increment(by: count)
    }
}
