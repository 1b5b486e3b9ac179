public import Foundation
public import Logging

/// Writes log entries as JSON, one object on each line.
///
/// The keys are `time` (UTC, milliseconds), `level`, `logger`, `message`, and `fields` when there are any, in this order.
public struct JSONLogHandler: LogHandler {
    /// Fields of every entry.
    public var metadata: Logger.Metadata = [:]
    /// Makes fields of every entry when it is written.
    public var metadataProvider: Logger.MetadataProvider?
    /// The least important level that is written.
    public var logLevel: Logger.Level
    private let label: String
    private let sink: LogSink
    private let now: @Sendable () -> Date

    /// Makes a handler.
    public init(
        label: String, logLevel: Logger.Level = .info, sink: @escaping LogSink,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.label = label
        self.logLevel = logLevel
        self.sink = sink
        self.now = now
    }

    /// A field of every entry.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes an entry.
    public func log(event: LogEvent) {
        var text = JSONText()
        text.object { members in
            members.member("time", now().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            members.member("level", event.level.rawValue)
            members.member("logger", label)
            members.member("message", "\(event.message)")
            let fields = LogFields.all(of: self, event: event)
            if !fields.isEmpty { members.member("fields", .dictionary(fields)) }
        }
        sink(text.result)
    }
}

/// JSON text that is written from front to back.
private struct JSONText {
    private(set) var result = ""
    private var needsComma = false

    mutating func object(_ members: (inout JSONText) -> Void) {
        result += "{"
        needsComma = false
        members(&self)
        result += "}"
        needsComma = true
    }

    mutating func member(_ key: String, _ value: String) {
        begin(key)
        string(value)
    }

    mutating func member(_ key: String, _ value: Logger.MetadataValue) {
        begin(key)
        self.value(value)
    }

    private mutating func begin(_ key: String) {
        separate()
        string(key)
        result += ":"
        needsComma = false
    }

    private mutating func separate() {
        if needsComma { result += "," }
        needsComma = true
    }

    private mutating func value(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): string(text)
        case .stringConvertible(let convertible):
            switch convertible {
            case let number as any FixedWidthInteger: result += "\(number)"
            case let number as Double where number.isFinite: result += "\(number)"
            case let boolean as Bool: result += "\(boolean)"
            default: string("\(convertible)")
            }
        case .array(let elements):
            result += "["
            needsComma = false
            for element in elements {
                separate()
                self.value(element)
            }
            result += "]"
        case .dictionary(let entries):
            object { members in
                for (key, value) in entries.sorted(by: { $0.key < $1.key }) { members.member(key, value) }
            }
        }
        needsComma = true
    }

    private mutating func string(_ text: String) {
        result += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        result += "\""
        needsComma = true
    }
}
