internal import CZeroMQ

/// What the installed ZeroMQ library is and can do.
public enum ZeroMQLibrary {
    /// Its version, for example `4.3.4`.
    public static var version: String {
        var parts: (Int32, Int32, Int32) = (0, 0, 0)
        unsafe zmq_version(&parts.0, &parts.1, &parts.2)
        return "\(parts.0).\(parts.1).\(parts.2)"
    }

    /// Whether it was built with CURVE encryption.
    public static var supportsCurve: Bool {
        unsafe zmq_has("curve") == 1
    }
}
