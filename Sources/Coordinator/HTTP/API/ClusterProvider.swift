public import ControlAPI

/// Whether the coordinator takes and hands out work.
public enum Readiness: Sendable, Hashable {
    /// It does.
    case ready
    /// It does not, for these reasons.
    case notReady([String])
}

/// What the HTTP server shows: implemented by the coordinator's daemon.
///
/// Called from any thread, many times at once. An implementation asks the control thread through its mailbox and must not
/// block its caller's thread. The server stops waiting after the limits of its configuration and then cancels the task.
public protocol ClusterProvider: Sendable {
    /// Whether the control thread answers.
    func isAlive() async -> Bool

    /// Whether the coordinator takes and hands out work: its state is read, its sockets are bound, its disk has space, and
    /// it is not about to leave.
    func readiness() async -> Readiness

    /// Answers a request that was checked, and that its sender may make.
    ///
    /// - Returns: The document that `ControlRequest` names for the request, as `Documents.encode` writes it.
    func answer(_ request: ControlRequest) async throws(ControlError) -> [UInt8]

    /// Brings the gauges up to date, before they are shown.
    func refreshMetrics() async
}

extension ClusterProvider {
    /// Does nothing: the gauges are kept up to date otherwise.
    public func refreshMetrics() async {}
}
