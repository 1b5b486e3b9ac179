/// Which workers are meant.
public enum WorkerSelector: Hashable, Sendable {
    /// All of them.
    case all
    /// The one whose session begins with these hexadecimal digits.
    case session(prefix: String)
}

/// What a client wants of the coordinator, on HTTP and on the control socket.
public enum ControlRequest: Hashable, Sendable {
    /// Take a job. The answer is a `JobDocument`.
    case submit(SubmissionDocument)
    /// How is the cluster? The answer is a `ClusterDocument`.
    case cluster
    /// How are the jobs, the newest first? The answer is a `PageDocument<JobDocument>`.
    case jobs(Page)
    /// How is a job? The answer is a `JobDocument`.
    case status(job: UInt64)
    /// What did a job give? The answer is a `ResultDocument`, or the error `notReady` or `failed`.
    case result(job: UInt64)
    /// End a job. The answer is a `JobDocument`.
    case cancel(job: UInt64, reason: String)
    /// Let workers leave. The answer is a `PageDocument<WorkerDocument>` of those that will.
    case drain(WorkerSelector)
    /// Who works? The answer is a `PageDocument<WorkerDocument>` in the order of joining.
    case workers(Page)
    /// How are the shards of a job? The answer is a `PageDocument<ShardDocument>` by index.
    case shards(job: UInt64, Page)
    /// What was observed of each tensor? The answer is a `PageDocument<LayerDocument>` by name; of an evaluation a
    /// `PageDocument<EvaluatedLayerDocument>`.
    case layers(job: UInt64, Page)
    /// What happened, about one job or all? The answer is a `PageDocument<EventDocument>`, the oldest first.
    case events(job: UInt64?, Page)

    /// What it wants, in a few words for a log; texts of the client are not in it.
    public var summary: String {
        switch self {
        case .submit(let submission): "submit \(submission.key)"
        case .cluster: "cluster"
        case .jobs: "jobs"
        case .status(let job): "status of job \(job)"
        case .result(let job): "result of job \(job)"
        case .cancel(let job, _): "cancel job \(job)"
        case .drain(.all): "drain all workers"
        case .drain(.session(let prefix)): "drain worker \(prefix)"
        case .workers: "workers"
        case .shards(let job, _): "shards of job \(job)"
        case .layers(let job, _): "layers of job \(job)"
        case .events: "events"
        }
    }

    /// Whether it changes anything.
    public var isMutating: Bool {
        switch self {
        case .submit, .cancel, .drain: true
        case .cluster, .jobs, .status, .result, .workers, .shards, .layers, .events: false
        }
    }
}

extension ControlRequest: ControlDocument {
    private enum Kind: String, Codable {
        case submit, cluster, jobs, status, result, cancel, drain, workers, shards, layers, events
    }

    private enum CodingKeys: String, CodingKey {
        case request, submission, job, reason, worker, offset, limit
    }

    /// Reads a request: `request` names it, the other keys are its parameters.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func job() throws -> UInt64 { try container.decodeInteger(UInt64.self, forKey: .job) }
        func page() throws -> Page {
            Page(
                offset: try container.decodeIntegerIfPresent(Int.self, forKey: .offset) ?? 0,
                limit: try container.decodeIntegerIfPresent(Int.self, forKey: .limit)
                    ?? ControlLimits.defaultPageEntries)
        }
        switch try container.decode(Kind.self, forKey: .request) {
        case .submit: self = .submit(try container.decode(SubmissionDocument.self, forKey: .submission))
        case .cluster: self = .cluster
        case .jobs: self = .jobs(try page())
        case .status: self = .status(job: try job())
        case .result: self = .result(job: try job())
        case .cancel:
            let reason = try container.decodeIfPresent(String.self, forKey: .reason) ?? ""
            self = .cancel(job: try job(), reason: reason)
        case .drain:
            let worker = try container.decode(String.self, forKey: .worker)
            self = .drain(worker == "all" ? .all : .session(prefix: worker))
        case .workers: self = .workers(try page())
        case .shards: self = .shards(job: try job(), try page())
        case .layers: self = .layers(job: try job(), try page())
        case .events: self = .events(job: try container.decodeIntegerIfPresent(UInt64.self, forKey: .job), try page())
        }
    }

    /// Writes the request's name and its parameters.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        func begin(_ kind: Kind, job: UInt64? = nil, page: Page? = nil) throws {
            try container.encode(kind, forKey: .request)
            try container.encodeIfPresent(job, forKey: .job)
            try container.encodeIfPresent(page?.offset, forKey: .offset)
            try container.encodeIfPresent(page?.limit, forKey: .limit)
        }
        switch self {
        case .submit(let submission):
            try begin(.submit)
            try container.encode(submission, forKey: .submission)
        case .cluster: try begin(.cluster)
        case .jobs(let page): try begin(.jobs, page: page)
        case .status(let job): try begin(.status, job: job)
        case .result(let job): try begin(.result, job: job)
        case .cancel(let job, let reason):
            try begin(.cancel, job: job)
            try container.encode(reason, forKey: .reason)
        case .drain(let selector):
            try begin(.drain)
            switch selector {
            case .all: try container.encode("all", forKey: .worker)
            case .session(let prefix): try container.encode(prefix, forKey: .worker)
            }
        case .workers(let page): try begin(.workers, page: page)
        case .shards(let job, let page): try begin(.shards, job: job, page: page)
        case .layers(let job, let page): try begin(.layers, job: job, page: page)
        case .events(let job, let page): try begin(.events, job: job, page: page)
        }
    }

    /// Checks the parameters.
    public func validate() throws(DocumentError) {
        switch self {
        case .submit(let submission): try submission.validate(prefix: "submission.")
        case .cancel(_, let reason):
            try SubmissionDocument.check(reason, key: "reason", bytes: 0...ControlLimits.reasonBytes)
        case .drain(.session(let prefix)):
            let isValid = prefix.utf8.allSatisfy(Identifier.isDigit)
            guard isValid, ControlLimits.sessionDigits.contains(prefix.utf8.count) else {
                throw .value(
                    key: "worker", reason: "it must be 'all' or the first 4 to 32 hexadecimal digits of a session")
            }
        case .jobs(let page), .workers(let page), .shards(_, let page), .layers(_, let page), .events(_, let page):
            guard page.offset >= 0 else { throw .value(key: "offset", reason: "it is below 0") }
            guard (1...ControlLimits.pageEntries).contains(page.limit) else {
                throw .value(key: "limit", reason: "it is not between 1 and \(ControlLimits.pageEntries)")
            }
        case .cluster, .status, .result, .drain(.all): break
        }
    }
}
