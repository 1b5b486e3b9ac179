internal import Logging

/// The fields of a log entry from all places that can give some.
enum LogFields {
    /// Fields of the entry itself win over those of the logger, and these over those of the provider.
    static func all(of handler: some LogHandler, event: LogEvent) -> Logger.Metadata {
        var fields = handler.metadataProvider?.get() ?? [:]
        fields.merge(handler.metadata) { $1 }
        fields.merge(event.metadata ?? [:]) { $1 }
        return fields
    }
}
