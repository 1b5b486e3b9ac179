internal import Synchronization

/// One simulated device: memory, queues and a clock.
///
/// A worker process has one. The clock counts cycles by `DeviceModel`. The host launches work one piece after the other; the device does
/// it in the order of the queue, copies on a queue of their own. So small operators are bound by launches, as on real devices.
public final class MLUDevice: Sendable {
    /// What a backend copies, and which way.
    public enum Transfer: String, Sendable, Codable {
        /// From the host.
        case toDevice
        /// From the device.
        case toHost
    }

    private struct State {
        var memory: DeviceMemory
        /// Kernels.
        var computeQueue = DeviceQueue()
        /// Copies between host and device.
        var copyQueue = DeviceQueue()
        /// When the host is ready to launch the next piece.
        var hostCycle = 0
    }

    /// The parameters of the cost model.
    public let model: DeviceModel
    private let state: Mutex<State>

    /// A device with empty memory at cycle 0.
    public init(_ model: DeviceModel = .server) {
        self.model = model
        state = Mutex(State(memory: DeviceMemory(capacity: model.memoryBytes)))
    }

    /// The memory at the moment.
    public var memory: DeviceMemory { state.withLock { $0.memory } }

    /// When everything that was launched will be done.
    public var currentCycle: Int {
        state.withLock { max($0.hostCycle, $0.computeQueue.end, $0.copyQueue.end) }
    }

    /// Takes memory.
    ///
    /// - Throws: `MLUError.outOfMemory`.
    public func allocate(_ byteCount: Int, label: String) throws(MLUError) -> DeviceMemory.Block {
        try state.withLock { state throws(MLUError) in try state.memory.allocate(byteCount, label: label) }
    }

    /// Gives memory back.
    public func release(_ block: DeviceMemory.Block) {
        state.withLock { $0.memory.release(block) }
    }

    /// Copies between host and device; kernels that are launched later wait for it.
    @discardableResult
    public func copy(_ byteCount: Int, _ direction: Transfer) -> DeviceQueue.Interval {
        let cycles = model.linkLatencyCycles + Int((Double(byteCount) / model.linkBytesPerCycle).rounded(.up))
        return state.withLock { state in
            // A copy back waits for the kernels that make what is copied, and the host for the copy.
            let earliest = direction == .toHost ? max(state.hostCycle, state.computeQueue.end) : state.hostCycle
            let interval = state.copyQueue.enqueue(cycles: cycles, notBefore: earliest)
            if direction == .toHost { state.hostCycle = max(state.hostCycle, interval.end) }
            return interval
        }
    }

    /// Copies a value between host and device, and adds the copy's row to a report.
    func copy(_ name: String, bytes: Int, _ direction: Transfer, into rows: inout [CycleReport.Row]) {
        let cycles = copy(bytes, direction).cycles
        rows.append(CycleReport.Row(copyOf: name, direction, bytes: bytes, cycles: cycles))
    }

    /// Launches one kernel.
    ///
    /// - Parameters:
    ///   - cycles: What it takes on the device.
    ///   - launch: What the host needs before; 0 within a traced graph.
    /// - Returns: When the device works on it.
    @discardableResult
    public func launch(cycles: Int, after launch: Int) -> DeviceQueue.Interval {
        state.withLock { state in
            state.hostCycle += launch
            return state.computeQueue.enqueue(cycles: cycles, notBefore: max(state.hostCycle, state.copyQueue.end))
        }
    }
}
