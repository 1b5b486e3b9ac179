internal import CoreMetrics
internal import Foundation
internal import Glibc
internal import Metrics
internal import Synchronization

/// What the kernel says of this process, under the names that all Prometheus clients use.
final class ProcessMetrics: Sendable {
    private let seconds: FloatingPointCounter
    private let residentBytes: Gauge
    private let virtualBytes: Gauge
    private let openFiles: Gauge
    private let maximumFiles: Gauge
    private let start: Gauge
    private let countedSeconds = Mutex(0.0)

    init(factory: any MetricsFactory) {
        func gauge(_ metric: MetricDescription) -> Gauge { Gauge(label: metric.name, factory: factory) }
        seconds = FloatingPointCounter(label: MetricNames.processSeconds.name, factory: factory)
        residentBytes = gauge(MetricNames.processResidentBytes)
        virtualBytes = gauge(MetricNames.processVirtualBytes)
        openFiles = gauge(MetricNames.processOpenFiles)
        maximumFiles = gauge(MetricNames.processMaximumFiles)
        start = gauge(MetricNames.processStart)
    }

    /// Reads `/proc`; what cannot be read keeps its last value.
    func update() {
        if let text = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let state = ProcessState(stat: text)
        {
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            let total = Double(state.ticks) / ticks
            countedSeconds.withLock { counted in
                if total > counted { seconds.increment(by: total - counted) }
                counted = max(counted, total)
            }
            residentBytes.record(state.residentPages * Int(sysconf(Int32(_SC_PAGESIZE))))
            virtualBytes.record(state.virtualBytes)
            if let boot = Self.bootTime { start.record(boot + Double(state.startTicks) / ticks) }
        }
        if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            openFiles.record(files.count)
        }
        if let limit = Self.maximumFiles { maximumFiles.record(limit) }
    }

    private static var bootTime: Double? {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8) else { return nil }
        return text.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }

    private static var maximumFiles: Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8) else { return nil }
        return text.split(separator: "\n").first { $0.hasPrefix("Max open files") }
            .flatMap { $0.split(separator: " ").dropFirst(3).first }.flatMap { Int($0) }
    }
}

/// The numbers of `/proc/self/stat` that are shown.
struct ProcessState: Equatable {
    let ticks: Int
    let startTicks: Int
    let virtualBytes: Int
    let residentPages: Int

    /// Reads the line; the name of the command, in parentheses, may have anything in it.
    init?(stat: String) {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        // The first field behind the name is the third of the line.
        let fields = stat[stat.index(after: end)...].split(whereSeparator: \.isWhitespace)
        func number(_ field: Int) -> Int? { fields.indices.contains(field - 3) ? Int(fields[field - 3]) : nil }
        guard let user = number(14), let system = number(15), let start = number(22), let virtual = number(23),
            let resident = number(24)
        else { return nil }
        ticks = user + system
        startTicks = start
        virtualBytes = virtual
        residentPages = resident
    }
}
