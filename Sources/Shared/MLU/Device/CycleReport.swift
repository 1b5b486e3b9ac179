/// Where the cycles of a run went, layer by layer.
public struct CycleReport: Sendable, Hashable, Codable {
    /// What happened in a row.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// A kernel of the device.
        case kernel
        /// A copy between host and device.
        case transfer
        /// Work on the host, because the device has no kernel for it.
        case host
    }

    /// One kernel or copy.
    public struct Row: Sendable, Hashable, Codable {
        /// The node, or the nodes joined by ` + `; for a copy the value.
        public var name: String
        /// The operator's name on the device.
        public var operation: String
        /// What happened.
        public var kind: Kind
        /// Products with accumulation.
        public var products: Int
        /// Bytes between memory and compute units, or over the link.
        public var bytes: Int
        /// Cycles for products and elements.
        public var computeCycles: Int
        /// Cycles for memory traffic.
        public var memoryCycles: Int
        /// Cycles in which the queue worked on it.
        public var cycles: Int
        /// Share of the peak rate of products, 0 to 1.
        public var utilization: Double
    }

    /// Name of the device.
    public var device: String
    /// Cycles in a second.
    public var cyclesPerSecond: Double
    /// From the first launch to the last result.
    public var totalCycles: Int
    /// The most bytes in use at one time.
    public var peakMemoryBytes: Int
    /// In the order of execution.
    public var rows: [Row]

    /// Seconds of the run.
    public var seconds: Double { Double(totalCycles) / cyclesPerSecond }

    /// Cycles of all kernels; the rest of `totalCycles` are copies and waiting for launches.
    public var kernelCycles: Int { rows.filter { $0.kind == .kernel }.reduce(0) { $0 + $1.cycles } }

    /// Bytes over the link between host and device.
    public var transferredBytes: Int { rows.filter { $0.kind == .transfer }.reduce(0) { $0 + $1.bytes } }

    /// Share of the peak rate of products in the whole run, 0 to 1.
    public var utilization: Double {
        guard totalCycles > 0 else { return 0 }
        return rows.reduce(0) { $0 + $1.utilization * Double($1.cycles) } / Double(totalCycles)
    }
}

extension CycleReport {
    /// The report of a run that began at a cycle of the device and ends now.
    init(device: MLUDevice, since start: Int, rows: [Row]) {
        self.init(
            device: device.model.name, cyclesPerSecond: device.model.cyclesPerSecond,
            totalCycles: device.currentCycle - start, peakMemoryBytes: device.memory.peakBytes, rows: rows)
    }

    /// This run and a later one: rows of the same name and operator add up.
    ///
    /// - Parameter later: A run on the same device.
    /// - Returns: Both, with the rows of this run first.
    public func adding(_ later: CycleReport) -> CycleReport {
        var sum = self
        sum.totalCycles += later.totalCycles
        sum.peakMemoryBytes = max(peakMemoryBytes, later.peakMemoryBytes)
        var positions: [[String]: Int] = [:]
        for (position, row) in rows.enumerated() { positions[[row.name, row.operation]] = position }
        for row in later.rows {
            if let position = positions[[row.name, row.operation]] {
                sum.rows[position].add(row)
            } else {
                positions[[row.name, row.operation]] = sum.rows.count
                sum.rows.append(row)
            }
        }
        return sum
    }
}

extension CycleReport.Row {
    /// Adds another run of the same kernel.
    fileprivate mutating func add(_ other: CycleReport.Row) {
        let busy = utilization * Double(cycles) + other.utilization * Double(other.cycles)
        products += other.products
        bytes += other.bytes
        computeCycles += other.computeCycles
        memoryCycles += other.memoryCycles
        cycles += other.cycles
        utilization = cycles > 0 ? busy / Double(cycles) : 0
    }

    /// A kernel's row.
    init(_ name: String, operation: String, work: NodeWork, model: DeviceModel, extraCycles: Int = 0) {
        let cycles = work.cycles(on: model) + extraCycles
        self.init(
            name: name, operation: operation, kind: .kernel, products: work.products,
            bytes: work.bytesRead + work.bytesWritten, computeCycles: work.computeCycles(on: model),
            memoryCycles: work.memoryCycles(on: model), cycles: cycles,
            utilization: cycles > 0 ? min(1, work.productCycles(on: model) / Double(cycles)) : 0)
    }

    /// A copy's row.
    init(copyOf value: String, _ direction: MLUDevice.Transfer, bytes: Int, cycles: Int) {
        self.init(
            name: value, operation: direction == .toDevice ? "copy to device" : "copy to host", kind: .transfer,
            products: 0, bytes: bytes, computeCycles: 0, memoryCycles: 0, cycles: cycles, utilization: 0)
    }

    /// A row of work on the host; the model gives it no cycles beyond the copies.
    init(hostNode name: String, operation: String) {
        self.init(
            name: name, operation: operation, kind: .host, products: 0, bytes: 0, computeCycles: 0, memoryCycles: 0,
            cycles: 0, utilization: 0)
    }
}
