#if canImport(Glibc)
import Glibc
#endif

/// The environment variables that say what the device's log shows; they do not know of each other.
public enum DeviceLogVariable: String, Sendable, Hashable, CaseIterable {
    /// Of the eager backend: -1 shows every operator's arguments, 3 only what ends the work.
    case eager = "TORCH_MIN_CNLOG_LEVEL"
    /// Of the traced backend: from 0, informative entries, to 3.
    case traced = "MM_CPP_MIN_LOG_LEVEL"

    /// What the variable asks for now.
    public var level: DeviceLogLevel { level(of: Self.value(rawValue)) }

    /// What a value of the variable asks for; the traced backend has no level below 0.
    func level(of value: String?) -> DeviceLogLevel {
        let level = DeviceLogLevel(variable: value)
        return self == .traced ? max(level, .info) : level
    }

    private static func value(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}
