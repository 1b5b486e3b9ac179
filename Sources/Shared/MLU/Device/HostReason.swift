/// Why the host computes a node in place of the device.
enum HostReason: Hashable, Sendable, CustomStringConvertible {
    /// It reads float64.
    case float64
    /// A convolution or linear layer with constant weights that was not quantized.
    case notQuantized

    /// For messages, after the node's name.
    var description: String {
        switch self {
        case .float64: "it reads float64, for which the device has no kernel"
        case .notQuantized: "it was not quantized, so the device has no kernel for it"
        }
    }
}
