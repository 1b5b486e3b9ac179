public import Foundation

/// A point in time for people, in whole seconds, written as `2026-11-21T16:44:39Z`.
///
/// Nothing is decided by it.
public struct Timestamp: Hashable, Sendable {
    /// Seconds since the beginning of 1970, UTC.
    public let seconds: Int

    /// Makes a time from seconds since the beginning of 1970.
    public init(seconds: Int) {
        self.seconds = seconds
    }

    /// Makes a time, rounded down to a second.
    public init(_ date: Date) {
        seconds = Int(date.timeIntervalSince1970.rounded(.down))
    }

    /// The time for Foundation.
    public var date: Date { Date(timeIntervalSince1970: Double(seconds)) }
}

extension Timestamp: Codable, Comparable, CustomStringConvertible {
    /// For example `2026-11-21T16:44:39Z`.
    public var description: String { date.formatted(.iso8601) }

    /// The earlier one first.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }

    /// Reads a time from its text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let date = try? Date(text, strategy: .iso8601) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "it must be a time such as 2026-11-21T16:44:39Z")
        }
        self.init(date)
    }

    /// Writes the text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
