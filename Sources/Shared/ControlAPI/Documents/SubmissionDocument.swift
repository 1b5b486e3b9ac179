/// A job to submit.
public struct SubmissionDocument: ControlDocument {
    /// Drawn by the client: submitting again with the same key gives the same job.
    public var key: Identifier
    /// What to call the job.
    public var name: String
    /// A higher one goes first.
    public var priority: Int
    /// The words that `tare calibrate` would be given.
    ///
    /// Paths are those of the coordinator's machine.
    public var arguments: [String]

    /// Describes a job.
    public init(key: Identifier, name: String, priority: Int = 0, arguments: [String]) {
        self.key = key
        self.name = name
        self.priority = priority
        self.arguments = arguments
    }

    private enum CodingKeys: String, CodingKey {
        case key, name, priority, arguments
    }

    /// Reads a submission; without a priority it has priority 0.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        key = try container.decode(Identifier.self, forKey: .key)
        name = try container.decode(String.self, forKey: .name)
        priority = try container.decodeIntegerIfPresent(Int.self, forKey: .priority) ?? 0
        arguments = try container.decode([String].self, forKey: .arguments)
    }

    /// Checks lengths, the priority, and that no text has control characters.
    public func validate() throws(DocumentError) {
        try validate(prefix: "")
    }

    func validate(prefix: String) throws(DocumentError) {
        try Self.check(name, key: prefix + "name", bytes: 1...ControlLimits.nameBytes)
        guard ControlLimits.priorities.contains(priority) else {
            throw .value(
                key: prefix + "priority",
                reason: "\(priority) is not between \(ControlLimits.priorities.lowerBound) and "
                    + "\(ControlLimits.priorities.upperBound)")
        }
        guard (1...ControlLimits.arguments).contains(arguments.count) else {
            throw .value(
                key: prefix + "arguments",
                reason: "it has \(arguments.count) words; from 1 to \(ControlLimits.arguments) are taken")
        }
        for (index, word) in arguments.enumerated() {
            try Self.check(word, key: "\(prefix)arguments[\(index)]", bytes: 0...ControlLimits.argumentBytes)
        }
    }

    static func check(_ text: String, key: String, bytes: ClosedRange<Int>) throws(DocumentError) {
        guard bytes.contains(text.utf8.count) else {
            throw .value(
                key: key,
                reason: "it has \(text.utf8.count) bytes; from \(bytes.lowerBound) to \(bytes.upperBound) are taken")
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw .value(key: key, reason: "it has a control character")
        }
    }
}
