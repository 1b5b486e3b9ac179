import CAcceptLimit

/// How many connections this process takes: as many as leave an eighth of its file descriptors (32 to 256) for files.
///
/// Every listening socket of a process that links this module keeps to it, those of HTTP too.
public enum ConnectionLimit {
    /// Connections that were closed at once, because they would have taken a reserved descriptor, since the process began.
    public static var refusedConnections: Int { Int(clamping: tare_refused_connections()) }

    /// Descriptors that connections leave to files in a process that may have `limit`.
    public static func reservedDescriptors(limit: Int) -> Int {
        Int(clamping: tare_reserved_descriptors(UInt64(clamping: limit)))
    }
}
