import CoordinatorService
import Dispatch
import Glibc
import Wire

/// SIGHUP: the coordinator reads its allow list again; sessions of revoked keys end, everything else goes on.
final class AllowListReload {
    private let source: any DispatchSourceSignal

    /// Listens for the signal until `cancel`.
    ///
    /// - Parameters:
    ///   - access: Whose list is read.
    ///   - tell: Told what came of it, in one line.
    init(_ access: ClusterAccess, tell: @escaping @Sendable (String) -> Void) {
        signal(SIGHUP, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
        source.setEventHandler { tell(Self.reload(access)) }
        source.resume()
    }

    /// Leaves the signal to the system again.
    func cancel() {
        source.cancel()
        signal(SIGHUP, SIG_DFL)
    }

    private static func reload(_ access: ClusterAccess) -> String {
        do {
            let reload = try access.reload()
            let sessions = reload.ended.isEmpty ? "" : ", \(reload.ended.count) sessions ended"
            return "allow list read again: \(reload.change.added.count) keys added, "
                + "\(reload.change.revoked.count) revoked\(sessions)"
        } catch {
            return "the allow list stays as it was: \(error)"
        }
    }
}
