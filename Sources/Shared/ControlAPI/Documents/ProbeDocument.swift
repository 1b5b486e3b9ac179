/// The answer to a probe.
public struct ProbeDocument: ControlDocument {
    /// What a probe found.
    public enum Status: String, Codable, Hashable, Sendable, CaseIterable {
        /// All is well.
        case ok
        /// It is not.
        case unavailable
    }

    /// What the probe found.
    public var status: Status
    /// Why it is not well.
    public var reasons: [String]

    /// Describes a finding.
    public init(status: Status, reasons: [String] = []) {
        self.status = status
        self.reasons = reasons
    }
}
