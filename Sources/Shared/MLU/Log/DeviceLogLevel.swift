public import Logging

/// The levels of the device's log.
public enum DeviceLogLevel: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// Every operator with its arguments; the eager backend only.
    case debug = -1
    /// What happens.
    case info = 0
    /// What may be wrong.
    case warning = 1
    /// What went wrong.
    case error = 2
    /// What ends the work.
    case fatal = 3

    /// The level that a variable asks for: a number, or a level's name in any case.
    ///
    /// Numbers beyond the levels stand for the nearest. Anything else, also nothing, asks for warnings.
    public init(variable text: String?) {
        let text = (text ?? "").uppercased()
        if let number = Int(text) {
            self = DeviceLogLevel(rawValue: min(max(number, -1), 3)) ?? .warning
        } else {
            self = Self.allCases.first { $0.name == text } ?? .warning
        }
    }

    /// The level of an entry.
    public init(_ level: Logger.Level) {
        switch level {
        case .trace, .debug: self = .debug
        case .info, .notice: self = .info
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .fatal
        }
    }

    /// The least important level of swift-log that this one lets through.
    public var loggerLevel: Logger.Level {
        switch self {
        case .debug: .trace
        case .info: .info
        case .warning: .warning
        case .error: .error
        case .fatal: .critical
        }
    }

    /// The name in a line: `DEBUG`, `INFO`, `WARNING`, `ERROR`, `FATAL`.
    public var name: String {
        switch self {
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .fatal: "FATAL"
        }
    }

    /// Whether the left level is less important.
    public static func < (left: DeviceLogLevel, right: DeviceLogLevel) -> Bool { left.rawValue < right.rawValue }
}
