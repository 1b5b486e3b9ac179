/// A connection that the authenticator refused.
public struct Refusal: Sendable, Hashable {
    /// Why; the raw values are labels of the metrics.
    public enum Reason: String, Sendable, Hashable, CaseIterable, Comparable {
        /// The key is not in the allow list.
        case unknownKey = "unknown_key"
        /// The connection is not encrypted, or otherwise.
        case mechanism
        /// The request is for another domain.
        case domain
        /// The library's request cannot be read.
        case request

        /// Orders reasons by their label.
        public static func < (left: Reason, right: Reason) -> Bool { left.rawValue < right.rawValue }
    }

    /// Why.
    public var reason: Reason
    /// The peer's address, without port.
    public var address: String
    /// The peer's key, where it has one.
    public var key: PublicKey?
    /// How many refusals since the last report were not reported.
    public var unreported = 0
}

extension Refusal: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        let more = unreported == 0 ? "" : " (and \(unreported) other connections)"
        switch reason {
        case .unknownKey:
            let key = key?.text ?? ""
            return
                "A connection from \(address) was refused\(more): its key \(key) is not allowed; to allow it, add the "
                + "line '\(key) worker NAME' to the allow list and send SIGHUP"
        case .mechanism: return "A connection from \(address) was refused\(more): it is not encrypted with CURVE"
        case .domain, .request: return "A connection from \(address) was refused\(more): its request cannot be read"
        }
    }
}
