public import ControlAPI

/// The state of the cluster that is shown as gauges.
public struct ClusterSnapshot: Sendable, Hashable {
    /// How often the coordinator was started.
    public var epoch: UInt64 = 0
    /// Jobs by state; states that are not here have none.
    public var jobs: [JobPhase: Int] = [:]
    /// Workers by state; states that are not here have none.
    public var workers: [WorkerPhase: Int] = [:]
    /// Shards of open jobs by state; states that are not here have none.
    public var shards: [ShardPhase: Int] = [:]
    /// Devices that computed wrongly.
    public var quarantinedDevices = 0
    /// Bytes of the files in the state directory.
    public var stateBytes = 0
    /// Free bytes of its file system.
    public var stateFreeBytes = 0
    /// Share of the last minute in which a worker computed, from 0 to 1, by node and local rank such as `n1:0`.
    public var deviceUtilization: [String: Double] = [:]

    /// Nothing.
    public init() {}
}
