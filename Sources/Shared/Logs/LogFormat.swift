public import Logging

/// How log entries are written to standard error.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// Lines for people: `warning: text`.
    case plain
    /// One JSON object on each line, with time, level, logger, message and fields.
    case json
}

/// Takes one finished line, without its line end; called from any thread.
public typealias LogSink = @Sendable (String) -> Void

extension Logger {
    /// A logger that writes in one of the two formats.
    ///
    /// - Parameters:
    ///   - label: Which part of Tare writes, for example `coordinator`.
    ///   - format: How entries look.
    ///   - level: The least important level that is written.
    ///   - sink: Where lines go: standard error, or a display that keeps a progress line below them.
    public init(
        label: String, format: LogFormat, level: Logger.Level = .info, sink: @escaping LogSink = StandardError.write
    ) {
        self.init(label: label) { label in
            switch format {
            case .plain: PlainLogHandler(logLevel: level, sink: sink)
            case .json: JSONLogHandler(label: label, logLevel: level, sink: sink)
            }
        }
    }
}
