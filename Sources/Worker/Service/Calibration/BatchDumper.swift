internal import Graphs
internal import MLU
internal import Tensors

/// Runs batches of a calibration once more on the worker's device, operator by operator, and dumps what happens there.
///
/// The statistics come from the executor as always.
final class BatchDumper {
    private let graph: Graph
    private let device: MLUDevice
    private let dump: BatchDump
    private var backend: EagerBackend?

    /// Prepares a dumper.
    ///
    /// - Parameters:
    ///   - graph: What is run.
    ///   - device: Where.
    ///   - dump: Which batches are dumped, and where to.
    init(_ graph: Graph, on device: MLUDevice, _ dump: BatchDump) {
        self.graph = graph
        self.device = device
        self.dump = dump
    }

    /// Dumps a batch, when it is among those that are wanted.
    ///
    /// - Parameters:
    ///   - batch: Position of the batch in the job.
    ///   - parts: The graph's inputs, once for each run of the batch.
    func record(batch: Int, _ parts: [[String: Tensor]]) {
        guard dump.includes(batch: batch) else { return }
        do {
            let backend = try backend ?? EagerBackend(graph, on: device)
            self.backend = backend
            try dump.recording(batch: batch) { for inputs in parts { _ = try backend.run(inputs) } }
        } catch {
            dump.giveUp(batch: batch, error)
        }
    }
}
