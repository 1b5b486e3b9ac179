import ControlAPI
import CoordinatorHTTP
import CoreMetrics
import Foundation
import Metrics
import Testing

@Suite struct MetricsTests {
    private let registry = PrometheusRegistry()

    private var lines: [String] { registry.text().split(separator: "\n").map(String.init) }

    /// A registry with every metric in use.
    private static func full() -> PrometheusRegistry {
        let registry = PrometheusRegistry()
        let metrics = ClusterMetrics(factory: registry, build: "0.1.0", protocolVersion: 2)
        metrics.sessionOpened()
        metrics.attemptEnded(.lost)
        metrics.committed(result: .retryLater)
        metrics.shardCounted(samples: 64, duration: .milliseconds(2500))
        metrics.leaseExpired(reason: .progress)
        metrics.speculated()
        metrics.compared(.equal)
        metrics.samplePoisoned()
        metrics.transactionEnded(duration: .microseconds(1500))
        metrics.transferred(.sent, .model, bytes: 131_072)
        metrics.transferred(.received, .statistics, bytes: 7)
        metrics.handshakeFailed(reason: .key)
        metrics.frameRejected(reason: .size)
        metrics.commandWaited(.microseconds(20))
        var snapshot = ClusterSnapshot()
        snapshot.epoch = 4
        snapshot.workers = [.busy: 3, .idle: 1]
        snapshot.stateFreeBytes = 12_000_000_000
        snapshot.deviceUtilization = ["n1:0": 0.975, "n1:1": 0.5]
        metrics.update(snapshot)
        return registry
    }

    @Test func everythingThatHappensIsShown() {
        let lines = Set(Self.full().text().split(separator: "\n").map(String.init))
        let expected = [
            #"tare_build_info{protocol="2",version="0.1.0"} 1"#, "tare_worker_sessions_total 1",
            #"tare_shard_attempts_total{outcome="lost"} 1"#, #"tare_shard_commits_total{result="retry-later"} 1"#,
            "tare_samples_total 64", #"tare_shard_duration_seconds_bucket{le="1"} 0"#,
            #"tare_shard_duration_seconds_bucket{le="3"} 1"#, #"tare_shard_duration_seconds_bucket{le="+Inf"} 1"#,
            "tare_shard_duration_seconds_sum 2.5", "tare_shard_duration_seconds_count 1",
            #"tare_lease_expirations_total{reason="progress"} 1"#, "tare_speculative_attempts_total 1",
            #"tare_result_comparisons_total{result="equal"} 1"#, "tare_poisoned_samples_total 1",
            #"tare_store_transaction_seconds_bucket{le="0.002"} 1"#,
            #"tare_transfer_bytes_total{direction="sent",kind="model"} 131072"#,
            #"tare_transfer_bytes_total{direction="received",kind="statistics"} 7"#,
            #"tare_zmq_handshake_failures_total{reason="key"} 1"#, #"tare_frames_rejected_total{reason="size"} 1"#,
            #"tare_event_loop_lag_seconds_bucket{le="0.001"} 1"#, "tare_coordinator_epoch 4",
            #"tare_workers{state="busy"} 3"#, #"tare_workers{state="draining"} 0"#,
            "tare_state_dir_free_bytes 12000000000", #"tare_device_utilization_ratio{worker="n1:0"} 0.975"#,
            "# TYPE tare_shard_duration_seconds histogram", "# TYPE tare_samples_total counter",
            "# TYPE tare_workers gauge", "# HELP tare_workers Workers that have joined, by state.",
        ]
        for line in expected { #expect(lines.contains(line), "\(line)") }
    }

    @Test func aValueBelongsToTheBucketWhoseBoundItIs() {
        let metrics = ClusterMetrics(factory: registry, build: "x", protocolVersion: 1)
        for duration in [Duration.seconds(1), .seconds(3), .seconds(3000), .seconds(3001)] {
            metrics.shardCounted(samples: 1, duration: duration)
        }
        let counts = lines.filter { $0.hasPrefix("tare_shard_duration_seconds_bucket") }
            .compactMap { $0.split(separator: " ").last.map(String.init) }
        #expect(counts == ["0", "0", "1", "2", "2", "2", "2", "2", "2", "3", "4"])
    }

    @Test func theSameEventsGiveTheSameText() {
        #expect(Self.full().text() == Self.full().text())
    }

    @Test func everySeriesWithAFixedLabelExistsFromTheStart() {
        _ = ClusterMetrics(factory: registry, build: "x", protocolVersion: 1)
        let text = registry.text()
        for metric in MetricNames.all where !metric.name.hasPrefix("process_") {
            // Of workers that are there, and of requests that an HTTP server answers.
            if metric == MetricNames.deviceUtilization || metric == MetricNames.httpRequests { continue }
            #expect(text.contains("# TYPE \(metric.name) \(metric.kind.rawValue)\n"), "\(metric.name)")
        }
        for result in CommitResult.allCases {
            #expect(text.contains("tare_shard_commits_total{result=\"\(result.rawValue)\"} 0\n"))
        }
    }

    @Test func seriesEndWithTheirWorkerAndThereAreOnlySoMany() {
        let metrics = ClusterMetrics(factory: registry, build: "x", protocolVersion: 1)
        func shown() -> Int { lines.count { $0.hasPrefix("tare_device_utilization_ratio{") } }
        var snapshot = ClusterSnapshot()
        snapshot.deviceUtilization = Dictionary(uniqueKeysWithValues: (0..<2000).map { ("n\($0):0", 0.5) })
        metrics.update(snapshot)
        #expect(shown() == ClusterMetrics.workerLabels)
        snapshot.deviceUtilization = ["n5:0": 1]
        metrics.update(snapshot)
        #expect(shown() == 1)
        snapshot.deviceUtilization = [:]
        metrics.update(snapshot)
        #expect(!registry.text().contains("tare_device_utilization_ratio"))
    }

    @Test func textsOfLabelsAreEscaped() {
        Counter(label: "9 strange-näme", dimensions: [("läbel", "a\"b\\c\nd"), ("a", "ü")], factory: registry)
            .increment()
        #expect(
            lines == [
                "# TYPE __strange_n__me counter", #"__strange_n__me{a="ü",l__bel="a\"b\\c\nd"} 1"#,
            ])
    }

    @Test func numbersAreWrittenAsShortAsPossible() {
        let gauge = Gauge(label: "g", factory: registry)
        for (value, text) in [
            (0.0, "0"), (-3, "-3"), (0.1, "0.1"), (1e300, "1e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
            (.nan, "NaN"), (1e-7, "1e-07"), (9_007_199_254_740_991, "9007199254740991"),
        ] as [(Double, String)] {
            gauge.record(value)
            #expect(lines.last == "g \(text)")
        }
    }

    @Test func oneSeriesIsSharedByAllWhoNameIt() {
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment(by: 2)
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment(by: 3)
        Gauge(label: "c", factory: registry).record(7)
        #expect(lines == ["# TYPE c counter", #"c{a="1",b="2"} 5"#])
    }

    @Test func countersFromManyThreadsLoseNothing() async {
        let metrics = ClusterMetrics(factory: registry, build: "x", protocolVersion: 1)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        metrics.shardCounted(samples: 2, duration: .seconds(1))
                        metrics.committed(result: .accepted)
                    }
                }
            }
        }
        #expect(lines.contains("tare_samples_total 16000"))
        #expect(lines.contains(#"tare_shard_commits_total{result="accepted"} 8000"#))
        #expect(lines.contains("tare_shard_duration_seconds_sum 8000"))
    }

    @Test func namesFollowTheRulesOfPrometheus() {
        for metric in MetricNames.all {
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            #expect(metric.buckets.isEmpty == (metric.kind != .histogram), "\(metric.name)")
            #expect(metric.buckets == metric.buckets.sorted() && Set(metric.buckets).count == metric.buckets.count)
            #expect(metric.help.hasSuffix("."))
        }
        #expect(Set(MetricNames.all.map(\.name)).count == MetricNames.all.count)
    }

    /// The judge is Prometheus' own tool, from Debian's package `prometheus`.
    @Test func promtoolAcceptsWhatTheServerShows() async throws {
        let tool = URL(filePath: "/usr/bin/promtool")
        guard FileManager.default.isExecutableFile(atPath: tool.path) else {
            FileHandle.standardError.write(
                Data("SKIPPED promtoolAcceptsWhatTheServerShows: no promtool; apt-get install prometheus\n".utf8))
            return
        }
        let text = try await RunningServer.run { server in
            let metrics = ClusterMetrics(factory: server.registry, build: "0.1.0", protocolVersion: 2)
            metrics.shardCounted(samples: 64, duration: .milliseconds(2500))
            var snapshot = ClusterSnapshot()
            snapshot.deviceUtilization = ["n1:0": 0.975]
            metrics.update(snapshot)
            return try await server.ask("GET", "/metrics").body
        }
        let process = Process()
        process.executableURL = tool
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        let complaints = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && complaints.isEmpty, "\(complaints)")
    }
}
