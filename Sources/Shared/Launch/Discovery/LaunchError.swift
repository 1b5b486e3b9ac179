/// Why it cannot be told how this process was started, or where its coordinator is.
public enum LaunchError: Error, Sendable, Hashable {
    /// A variable or option is no whole number in its range.
    case number(variable: String, value: String, least: Int)
    /// Two values contradict each other.
    case inconsistent(variable: String, value: Int, bound: String, boundValue: Int)
    /// Two options exclude each other.
    case exclusive(String, String)
    /// A list of Slurm's cannot be read.
    case slurmList(variable: String, value: String, reason: String)
    /// The coordinator's address is no endpoint.
    case endpoint(variable: String, value: String, reason: String)
    /// Nobody said where the coordinator is.
    case noCoordinator
    /// The coordinator's host has no address.
    case unresolved(host: String, source: String, reason: String)
}

extension LaunchError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .number(let variable, let value, let least):
            "\(variable) is '\(value)', which is not a whole number from \(least) to \(LaunchEnvironment.largestWorld); "
                + "correct or unset it"
        case .inconsistent(let variable, let value, let bound, let boundValue):
            "\(variable)=\(value) does not fit \(bound)=\(boundValue), since ranks count from 0; correct or unset one of "
                + "them"
        case .exclusive(let first, let second):
            "\(first) and \(second) both say where the coordinator is; give one of them"
        case .slurmList(let variable, let value, let reason):
            "\(variable)=\(value) cannot be read: \(reason); set TARE_COORDINATOR=tcp://HOST:PORT instead"
        case .endpoint(let variable, let value, let reason):
            "\(variable) is '\(value)', which is no coordinator's address: \(reason)"
        case .noCoordinator:
            "Nothing says where the coordinator is: give --coordinator tcp://HOST:PORT or --address-file FILE, or set "
                + "TARE_COORDINATOR or TARE_ADDRESS_FILE (looked for MASTER_ADDR, SLURM_STEP_NODELIST and "
                + "TARE_COORDINATOR_SERVICE_HOST too)"
        case .unresolved(let host, let source, let reason):
            "The coordinator's host '\(host)' (from \(source)) has no address: \(reason); check the name, or give "
                + "--coordinator tcp://ADDRESS:PORT or --address-file FILE"
        }
    }
}
