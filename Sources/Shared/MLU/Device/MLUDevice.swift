/// One simulated device: memory, queues and a clock.
///
/// A device belongs to one thread.
///
/// The clock counts cycles by `DeviceModel`. The host launches work one piece after the other; the device does it in the order of the
/// queue, copies on a queue of their own. So small operators are bound by launches, as on real devices.
public final class MLUDevice {
    /// What a backend copies, and which way.
    public enum Transfer: String, Sendable, Codable {
        case toDevice
        case toHost
    }

    /// The parameters of the cost model.
    public let model: DeviceModel
    /// The memory.
    public private(set) var memory: DeviceMemory
    /// Kernels.
    private var computeQueue = DeviceQueue()
    /// Copies between host and device.
    private var copyQueue = DeviceQueue()
    /// When the host is ready to launch the next piece.
    private var hostCycle = 0

    /// A device with empty memory at cycle 0.
    public init(_ model: DeviceModel = .server) {
        self.model = model
        memory = DeviceMemory(capacity: model.memoryBytes)
    }

    /// When everything that was launched will be done.
    public var currentCycle: Int { max(hostCycle, computeQueue.end, copyQueue.end) }

    /// Seconds of a number of cycles.
    public func seconds(_ cycles: Int) -> Double { Double(cycles) / model.cyclesPerSecond }

    /// Takes memory.
    ///
    /// - Throws: `MLUError.outOfMemory`.
    public func allocate(_ byteCount: Int, label: String) throws(MLUError) -> DeviceMemory.Block {
        try memory.allocate(byteCount, label: label)
    }

    /// Gives memory back.
    public func release(_ block: DeviceMemory.Block) {
        memory.release(block)
    }

    /// Copies between host and device; kernels that are launched later wait for it.
    @discardableResult
    public func copy(_ byteCount: Int, _ direction: Transfer) -> DeviceQueue.Interval {
        let cycles = model.linkLatencyCycles + Int((Double(byteCount) / model.linkBytesPerCycle).rounded(.up))
        // A copy back waits for the kernels that make what is copied, and the host for the copy.
        let earliest = direction == .toHost ? max(hostCycle, computeQueue.end) : hostCycle
        let interval = copyQueue.enqueue(cycles: cycles, notBefore: earliest)
        if direction == .toHost { hostCycle = max(hostCycle, interval.end) }
        return interval
    }

    /// Launches one kernel.
    ///
    /// - Parameters:
    ///   - cycles: What it takes on the device.
    ///   - launch: What the host needs before; 0 within a traced graph.
    /// - Returns: When the device works on it.
    @discardableResult
    public func launch(cycles: Int, after launch: Int) -> DeviceQueue.Interval {
        hostCycle += launch
        return computeQueue.enqueue(cycles: cycles, notBefore: max(hostCycle, copyQueue.end))
    }

    /// Has the host wait until the device is idle, and then work for itself.
    public func hostWork(cycles: Int) {
        hostCycle = currentCycle + cycles
    }
}
