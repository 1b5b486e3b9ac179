internal import Graphs
internal import MLU
internal import Tensors

/// Runs batches of a calibration once more on the worker's device, operator by operator, and dumps what happens there.
///
/// The statistics come from the executor as always, so a dump changes no result; what goes wrong with it is told and
/// nothing else.
final class BatchDumper {
    private let graph: Graph
    private let device: MLUDevice
    private let configuration: DumpConfiguration
    private let tell: (String) -> Void
    private var backend: EagerBackend?
    private var hasFailed = false

    /// Prepares a dumper.
    ///
    /// - Parameters:
    ///   - graph: What is run.
    ///   - device: Where.
    ///   - configuration: What is dumped; batch N goes to the folder `iter_N` of its directory.
    ///   - tell: Told what went wrong, in one line.
    init(
        _ graph: Graph, on device: MLUDevice, _ configuration: DumpConfiguration, tell: @escaping (String) -> Void
    ) {
        self.graph = graph
        self.device = device
        self.configuration = configuration
        self.tell = tell
    }

    /// Dumps a batch, when it is among those that are wanted.
    ///
    /// - Parameters:
    ///   - batch: Position of the batch in the job.
    ///   - inputs: The graph's inputs.
    func record(batch: Int, _ inputs: [String: Tensor]) {
        guard !hasFailed, configuration.iterations?.contains(batch) ?? true else { return }
        var own = configuration
        own.iterations = nil
        own.directory += "/iter_\(batch)"
        do {
            let backend = try backend ?? EagerBackend(graph, on: device)
            self.backend = backend
            _ = try withDumper(own, iteration: 0, finished: { if $0.failure != nil { hasFailed = true } }) {
                try backend.run(inputs)
            }
        } catch {
            hasFailed = true
            tell("warning: batch \(batch) cannot be dumped, and no other is tried: \(error)")
        }
    }
}
