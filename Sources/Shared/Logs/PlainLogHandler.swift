public import Logging

/// Writes log entries as lines for people, as `tare` prints everything else: the text, after `warning:` or `error:`.
///
/// The text says everything that people need; fields are shown from level debug down only.
public struct PlainLogHandler: LogHandler {
    /// Fields of every entry.
    public var metadata: Logger.Metadata = [:]
    /// Makes fields of every entry when it is written.
    public var metadataProvider: Logger.MetadataProvider?
    /// The least important level that is written.
    public var logLevel: Logger.Level
    private let sink: LogSink

    /// Makes a handler.
    public init(logLevel: Logger.Level = .info, sink: @escaping LogSink) {
        self.logLevel = logLevel
        self.sink = sink
    }

    /// A field of every entry.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes an entry.
    public func log(event: LogEvent) {
        var line = Self.prefix(event.level) + Self.oneEntry("\(event.message)")
        if event.level <= .debug {
            let fields = LogFields.all(of: self, event: event)
            if !fields.isEmpty {
                let texts = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.oneEntry("\($0.value)"))" }
                line += " (\(texts.joined(separator: ", ")))"
            }
        }
        sink(line)
    }

    private static func prefix(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "\(level): "
        case .info, .notice: ""
        case .warning: "warning: "
        case .error, .critical: "error: "
        }
    }

    /// A text that peers may have written must not look like another entry or move the cursor.
    private static func oneEntry(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar == "\n" {
                result += "\n    "
            } else if scalar.properties.generalCategory == .control, scalar != "\t" {
                result += "\u{FFFD}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
