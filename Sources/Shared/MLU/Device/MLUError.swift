public import Execution

/// Why something cannot be done on the simulated device.
public enum MLUError: Error, Sendable, Equatable {
    /// The description of a device is unusable.
    case deviceModel(String, reason: String)
    /// The device's memory has no block that is large enough.
    case outOfMemory(request: Int, label: String, state: DeviceMemory.Occupancy)
    /// A module was not calibrated: its scale is missing.
    case notQuantized(node: String)
    /// The graph has two values of one name, or reads one that nothing makes.
    case graph(reason: String)
    /// The compiler of the traced backend does not take a node.
    case untraceable(node: String, operatorName: String, reason: String)
    /// A node failed.
    case execution(ExecutionError)
}

extension MLUError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .deviceModel(let source, let reason): "The device '\(source)' cannot be used: \(reason)"
        case .outOfMemory(let request, let label, let state):
            "The device is out of memory: '\(label)' needs \(request) bytes, \(state.freeBytes) of \(state.capacity) are free, the "
                + "largest block has \(state.largestFreeBlock); most is held by \(state.owners). Use a smaller batch or a "
                + "device with more memory"
        case .notQuantized(let node):
            "Module '\(node)' has no scale, so the device cannot compute it; load a quantized state dictionary first"
        case .graph(let reason): "The graph cannot run on the device: \(reason)"
        case .untraceable(let node, let operatorName, let reason):
            "Node '\(node)' (\(operatorName)) cannot be traced: \(reason); use the cnnl backend"
        case .execution(let error): error.description
        }
    }
}
