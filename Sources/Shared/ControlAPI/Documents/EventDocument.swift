/// How much an event matters.
public enum EventLevel: String, Codable, Hashable, Sendable, CaseIterable {
    /// Part of a healthy run.
    case info
    /// The run goes on, but somebody should look.
    case warning
    /// Something is broken.
    case error
}

/// Something that happened.
public struct EventDocument: ControlDocument {
    /// Its number since the coordinator started, from 0.
    public var number: Int
    /// When it happened.
    public var time: Timestamp
    /// How much it matters.
    public var level: EventLevel
    /// What it is, in words that programs can compare, such as `worker-joined`.
    public var kind: String
    /// What it is, for people.
    public var text: String
    /// The job it is about.
    public var job: UInt64?
    /// The shard it is about.
    public var shard: Int?
    /// The worker it is about.
    public var worker: Identifier?
    /// The machine it is about.
    public var node: String?

    /// Describes an event.
    public init(number: Int, time: Timestamp, level: EventLevel, kind: String, text: String) {
        self.number = number
        self.time = time
        self.level = level
        self.kind = kind
        self.text = text
    }
}
