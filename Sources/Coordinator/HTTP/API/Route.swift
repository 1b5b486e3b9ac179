internal import ControlAPI
internal import HTTPTypes

/// What a path names.
enum Route: Hashable, Sendable {
    case health
    case readiness
    case metrics
    case cluster
    case jobs
    case job(UInt64)
    case result(UInt64)
    case shards(UInt64)
    case layers(UInt64)
    case workers
    case drain(WorkerSelector)
    case events

    /// Reads a path without its query.
    ///
    /// - Returns: `nil` for a path that names nothing. There is one spelling for each: no escapes, no slash at the end.
    init?(path: String) {
        switch path {
        case "/healthz": self = .health
        case "/readyz": self = .readiness
        case "/metrics": self = .metrics
        default:
            let prefix = "/api/v1/"
            guard path.hasPrefix(prefix) else { return nil }
            let parts = path.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
            self.init(parts: parts.map(String.init))
        }
    }

    private init?(parts: [String]) {
        switch (parts.first, parts.count) {
        case ("cluster", 1): self = .cluster
        case ("jobs", 1): self = .jobs
        case ("workers", 1): self = .workers
        case ("events", 1): self = .events
        case ("jobs", 2...3):
            guard let job = Query.number(parts[1], as: UInt64.self) else { return nil }
            switch parts.count == 3 ? parts[2] : nil {
            case nil: self = .job(job)
            case "result": self = .result(job)
            case "shards": self = .shards(job)
            case "layers": self = .layers(job)
            default: return nil
            }
        case ("workers", 3):
            guard parts[2] == "drain", !parts[1].isEmpty else { return nil }
            self = .drain(parts[1] == "all" ? .all : .session(prefix: parts[1]))
        default: return nil
        }
    }

    /// What can be done with it.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .jobs: [.get, .head, .post]
        case .job: [.get, .head, .delete]
        case .drain: [.post]
        default: [.get, .head]
        }
    }

    /// Whether it is for probes, which need no token.
    var isProbe: Bool { self == .health || self == .readiness }

    /// Its name for metrics: the same for all jobs and workers.
    var name: String {
        switch self {
        case .health: "healthz"
        case .readiness: "readyz"
        case .metrics: "metrics"
        case .cluster: "cluster"
        case .jobs: "jobs"
        case .job: "job"
        case .result: "result"
        case .shards: "shards"
        case .layers: "layers"
        case .workers: "workers"
        case .drain: "drain"
        case .events: "events"
        }
    }

    /// All names, and `other` for paths that name nothing.
    static let names = [
        "healthz", "readyz", "metrics", "cluster", "jobs", "job", "result", "shards", "layers", "workers", "drain",
        "events", "other",
    ]
}
