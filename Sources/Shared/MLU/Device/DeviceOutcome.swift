public import Tensors

/// What a run on a device gave.
public struct DeviceOutcome {
    /// The graph's outputs.
    public var outputs: [String: Tensor]
    /// Where the cycles went.
    public var report: CycleReport
}
