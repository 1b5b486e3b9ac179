public import Calibration

/// A job's quantized model, as a blob.
public struct JobModel: Hashable, Sendable {
    /// Digest of the file.
    public var digest: ContentDigest
    /// Bytes of the file.
    public var size: Int

    /// Names a model.
    public init(digest: ContentDigest, size: Int) {
        self.digest = digest
        self.size = size
    }
}

/// A submitter's or viewer's question.
public struct ClientRequest: Hashable, Sendable {
    /// What is wanted.
    public enum Kind: Int, Hashable, Sendable, CaseIterable {
        /// Take a job; `text` describes it.
        case submit = 1
        /// How the jobs are.
        case status
        /// What a job gave.
        case result
        /// End a job.
        case cancel
        /// Let workers leave.
        case drain
        /// Who works.
        case workers
        /// How the shards of a job are.
        case shards
    }

    /// Names the request; repeated, it is the same request.
    public var id: RequestID
    /// What is wanted.
    public var kind: Kind
    /// The job it is about; `nil` for none.
    public var job: UInt64?
    /// JSON, at most `WireLimits.clientBytes` bytes of UTF-8.
    public var text: String
    /// Where in the answer to go on.
    public var offset: Int

    /// Asks something.
    public init(id: RequestID, kind: Kind, job: UInt64? = nil, text: String = "", offset: Int = 0) {
        self.id = id
        self.kind = kind
        self.job = job
        self.text = text
        self.offset = offset
    }
}

/// A piece of an answer to a client.
public struct ClientAnswer: Hashable, Sendable {
    /// The request.
    public var id: RequestID
    /// How it went: 200, 404 and so on, as in HTTP.
    public var status: Int
    /// Bytes of the whole answer.
    public var total: Int
    /// Where in the answer this piece begins.
    public var offset: Int
    /// The piece, at most `WireLimits.clientBytes` bytes.
    public var content: [UInt8]

    /// Answers a request.
    public init(id: RequestID, status: Int, total: Int, offset: Int, content: [UInt8]) {
        self.id = id
        self.status = status
        self.total = total
        self.offset = offset
        self.content = content
    }
}
