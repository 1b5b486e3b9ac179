public import Logging
public import Logs

/// The loggers of the two backends.
public enum DeviceLog {
    /// The log of the eager backend; `TORCH_MIN_CNLOG_LEVEL` is read anew before every entry.
    public static func eager(sink: @escaping LogSink = StandardError.write) -> Logger {
        Logger(label: "mlu.cnnl") { _ in
            DeviceLogHandler(level: { DeviceLogVariable.eager.level }, sink: sink)
        }
    }

    /// The log of the traced backend; `MM_CPP_MIN_LOG_LEVEL` is read once.
    public static func traced(sink: @escaping LogSink = StandardError.write) -> Logger {
        let level = DeviceLogVariable.traced.level
        return Logger(label: "mlu.magicmind") { _ in DeviceLogHandler(level: { level }, sink: sink) }
    }
}

/// An error that ends the work, logged with level FATAL.
///
/// The device's software ends the process there. A library must not: the error is thrown, and `tare` ends with the exit
/// status of an internal fault, 70.
public struct DeviceFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened.
    public let description: String

    fileprivate init(_ description: String) {
        self.description = description
    }
}

extension Logger {
    /// Writes an entry with level FATAL.
    ///
    /// - Returns: The error to throw: `throw log.fatal("the queue of device 0 has stopped")`.
    public func fatal(
        _ text: String, file: String = #fileID, function: String = #function, line: UInt = #line
    ) -> DeviceFault {
        critical("\(text)", file: file, function: function, line: line)
        return DeviceFault(text)
    }
}
