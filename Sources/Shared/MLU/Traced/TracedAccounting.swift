import Graphs

/// Memory and cycles of one run of a compiled graph.
struct TracedAccounting {
    /// Where it runs.
    let device: MLUDevice
    /// What runs, in order.
    let kernels: [TracedKernel]

    /// Takes and gives back the memory of every value and launches every kernel; the graph as a whole is one launch.
    ///
    /// - Parameter rows: Gets one row for each kernel and each copy.
    /// - Throws: `MLUError.outOfMemory`; all blocks of the run are free then.
    func run(_ rows: inout [CycleReport.Row]) throws(MLUError) {
        var blocks: [String: DeviceMemory.Block] = [:]
        defer { for name in blocks.keys.sorted() { if let block = blocks[name] { device.release(block) } } }
        var launch = device.model.launchCycles
        for kernel in kernels {
            for value in kernel.inputs + kernel.outputs where blocks[value.name] == nil {
                blocks[value.name] = try device.allocate(value.bytes, label: value.name)
            }
            if kernel.isOnHost {
                for value in kernel.inputs { device.copy(value.name, bytes: value.bytes, .toHost, into: &rows) }
                rows.append(.init(hostNode: kernel.name, operation: kernel.nodes[0].op.name))
                for value in kernel.outputs { device.copy(value.name, bytes: value.bytes, .toDevice, into: &rows) }
                // What follows is a launch of its own.
                launch = device.model.launchCycles
            } else {
                let row = CycleReport.Row(
                    kernel.name, operation: kernel.nodes[0].op.name, work: kernel.work, model: device.model,
                    extraCycles: device.model.dispatchCycles)
                device.launch(cycles: row.cycles, after: launch)
                launch = 0
                rows.append(row)
            }
            for name in kernel.dead { if let block = blocks.removeValue(forKey: name) { device.release(block) } }
        }
    }
}
