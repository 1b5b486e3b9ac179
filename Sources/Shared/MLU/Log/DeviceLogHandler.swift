public import Logging
public import Logs

#if canImport(Glibc)
import Glibc
#endif

/// Writes log entries as the device's software does:
/// `[WARNING][file][line: 12][function][thread:81][process:80]: text`.
///
/// The level comes from an environment variable, unless somebody sets `logLevel`.
public struct DeviceLogHandler: LogHandler {
    /// Fields of every entry.
    public var metadata: Logger.Metadata = [:]
    /// Makes fields of every entry when it is written.
    public var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level?
    private let level: @Sendable () -> DeviceLogLevel
    private let sink: LogSink

    /// Makes a handler.
    ///
    /// - Parameters:
    ///   - level: Asked before every entry for the least important level that is written.
    ///   - sink: Where lines go.
    public init(level: @escaping @Sendable () -> DeviceLogLevel, sink: @escaping LogSink = StandardError.write) {
        self.level = level
        self.sink = sink
    }

    /// The least important level that is written.
    public var logLevel: Logger.Level {
        get { ownLevel ?? level().loggerLevel }
        set { ownLevel = newValue }
    }

    /// A field of every entry.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes an entry; fields follow the text as `name=value`.
    public func log(event: LogEvent) {
        var fields = metadataProvider?.get() ?? [:]
        fields.merge(metadata) { $1 }
        fields.merge(event.metadata ?? [:]) { $1 }
        var line = "[\(DeviceLogLevel(event.level).name)][\(event.file)][line: \(event.line)][\(event.function)]"
        line += "[thread:\(pthread_self())][process:\(getpid())]: \(event.message)"
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { line += " \(name)=\(value)" }
        sink(line)
    }
}
