/// Every metric of the coordinator.
///
/// Units are base units; labels have few values, except the one for which it is said.
public enum MetricNames {
    /// Always 1; labels `version` and `protocol`.
    public static let buildInformation = MetricDescription(
        "tare_build_info", .gauge, "The build that runs; always 1.")
    /// How often the coordinator was started.
    public static let epoch = MetricDescription(
        "tare_coordinator_epoch", .gauge, "How often the coordinator was started with this state directory.")
    /// Label `state`.
    public static let jobs = MetricDescription("tare_jobs", .gauge, "Jobs by state.")
    /// Label `state`.
    public static let workers = MetricDescription("tare_workers", .gauge, "Workers that have joined, by state.")
    /// Sessions that were opened.
    public static let workerSessions = MetricDescription(
        "tare_worker_sessions_total", .counter, "Sessions that workers have opened.")
    /// Label `state`.
    public static let shards = MetricDescription("tare_shards", .gauge, "Shards of open jobs by state.")
    /// Label `outcome`.
    public static let shardAttempts = MetricDescription(
        "tare_shard_attempts_total", .counter, "Attempts at shards that have ended, by outcome.")
    /// Label `result`.
    public static let shardCommits = MetricDescription(
        "tare_shard_commits_total", .counter, "Answers to results that workers offered.")
    /// Seconds from lease to counted result.
    public static let shardDuration = MetricDescription(
        "tare_shard_duration_seconds", .histogram, buckets: [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000],
        "Time from the lease of a shard to its result.")
    /// Samples of counted shards.
    public static let samples = MetricDescription(
        "tare_samples_total", .counter, "Samples of shards that were counted.")
    /// Label `reason`.
    public static let leaseExpirations = MetricDescription(
        "tare_lease_expirations_total", .counter, "Leases that were taken back, by reason.")
    /// Second attempts at stragglers.
    public static let speculativeAttempts = MetricDescription(
        "tare_speculative_attempts_total", .counter, "Second attempts at shards that ran long.")
    /// Label `result`.
    public static let comparisons = MetricDescription(
        "tare_result_comparisons_total", .counter, "Two results of one shard that were compared, by result.")
    /// Samples that are left out.
    public static let poisonedSamples = MetricDescription(
        "tare_poisoned_samples_total", .counter, "Samples that are left out because they made workers fail.")
    /// Devices that computed wrongly.
    public static let quarantinedDevices = MetricDescription(
        "tare_quarantined_devices", .gauge, "Devices that computed wrongly and get no work.")
    /// Time of a durable transaction.
    public static let storeTransaction = MetricDescription(
        "tare_store_transaction_seconds", .histogram,
        buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
        "Time that a transaction takes until it is durable.")
    /// Bytes of the state directory.
    public static let stateBytes = MetricDescription(
        "tare_state_dir_bytes", .gauge, "Size of the files in the state directory.")
    /// Free bytes of its file system.
    public static let stateFreeBytes = MetricDescription(
        "tare_state_dir_free_bytes", .gauge, "Free space of the state directory's file system.")
    /// Labels `direction` and `kind`.
    public static let transferBytes = MetricDescription(
        "tare_transfer_bytes_total", .counter, "Payload bytes on the data socket.")
    /// Label `reason`.
    public static let handshakeFailures = MetricDescription(
        "tare_zmq_handshake_failures_total", .counter, "Connections that were refused before their first message.")
    /// Label `reason`.
    public static let rejectedFrames = MetricDescription(
        "tare_frames_rejected_total", .counter, "Messages that were refused before they were acted on.")
    /// How late the control thread is.
    public static let eventLoopLag = MetricDescription(
        "tare_event_loop_lag_seconds", .histogram, buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
        "How long commands waited for the control thread.")
    /// Label `worker`, at most `ClusterMetrics.workerLabels` different ones.
    public static let deviceUtilization = MetricDescription(
        "tare_device_utilization_ratio", .gauge, "Share of the last minute in which a worker computed.")
    /// Labels `route` and `status`.
    public static let httpRequests = MetricDescription(
        "tare_http_requests_total", .counter, "Answers of this HTTP server by class of status.")

    /// Processor time of the process.
    public static let processSeconds = MetricDescription(
        "process_cpu_seconds_total", .counter, "User and system processor time of the process.")
    /// Memory in use.
    public static let processResidentBytes = MetricDescription(
        "process_resident_memory_bytes", .gauge, "Memory of the process that is in RAM.")
    /// Address space.
    public static let processVirtualBytes = MetricDescription(
        "process_virtual_memory_bytes", .gauge, "Address space of the process.")
    /// Open files.
    public static let processOpenFiles = MetricDescription(
        "process_open_fds", .gauge, "Open file descriptors of the process.")
    /// The most files.
    public static let processMaximumFiles = MetricDescription(
        "process_max_fds", .gauge, "Most file descriptors that the process may open.")
    /// When the process was started.
    public static let processStart = MetricDescription(
        "process_start_time_seconds", .gauge, "When the process was started, in seconds since 1970.")

    /// All of them.
    public static let all: [MetricDescription] = [
        buildInformation, epoch, jobs, workers, workerSessions, shards, shardAttempts, shardCommits, shardDuration,
        samples, leaseExpirations, speculativeAttempts, comparisons, poisonedSamples, quarantinedDevices,
        storeTransaction, stateBytes, stateFreeBytes, transferBytes, handshakeFailures, rejectedFrames,
        eventLoopLag, deviceUtilization, httpRequests, processSeconds, processResidentBytes, processVirtualBytes,
        processOpenFiles, processMaximumFiles, processStart,
    ]
}
