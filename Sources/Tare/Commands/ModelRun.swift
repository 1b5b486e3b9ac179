import Execution
import Graphs
import MLU
import Tensors

/// Runs a model on one of the backends, batch after batch.
final class ModelRun {
    /// What computes.
    enum Backend: String, CaseIterable {
        case cpu
        case reference
        case cnnl
        case magicmind

        /// Whether the simulated device computes.
        var isDevice: Bool { self == .cnnl || self == .magicmind }
    }

    /// The model.
    let graph: Graph
    /// Where the cycles went so far; `nil` without a device.
    private(set) var report: CycleReport?

    /// Nodes that the host computed because the device has no kernel for them.
    var hostNodes: [String] { report?.rows.filter { $0.kind == .host }.map(\.name) ?? [] }

    /// What was dumped.
    private(set) var dumps: [DumpSummary] = []

    private enum Engine {
        case host(any GraphExecutor)
        case eager(EagerBackend)
        /// One compiled graph for each set of input shapes; the last batch is often smaller.
        case traced(MLUDevice, [[Shape]: TracedBackend])
    }

    private var engine: Engine
    private let dump: DumpConfiguration?
    private var iteration = 0

    /// Prepares a backend.
    ///
    /// - Throws: `ExecutionError`, `MLUError`.
    init(_ graph: Graph, backend: Backend, options: DeviceOptions, dump: DumpConfiguration?) throws {
        self.graph = graph
        self.dump = dump
        engine =
            switch backend {
            case .cpu: .host(try AcceleratedExecutor(graph))
            case .reference: .host(try ReferenceExecutor(graph))
            case .cnnl:
                .eager(try EagerBackend(graph, on: try options.choice.makeDevice(), arithmetic: options.arithmetic))
            case .magicmind: .traced(try options.choice.makeDevice(), [:])
            }
        if backend == .cnnl { MLUFusion.setFlags(options.mluFusion) }
    }

    /// Computes one batch.
    ///
    /// - Throws: `ExecutionError`, `MLUError`.
    func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
        switch engine {
        case .host(let executor): return try executor.run(inputs, tap: nil)
        case .eager(let backend):
            defer { iteration += 1 }
            // Without iterations one dump holds all batches.
            if let dump, dump.iterations == nil {
                if iteration == 0 { try Dumper.start(dump) }
                return add(try backend.run(inputs))
            }
            return add(
                try withDumper(dump, iteration: iteration, finished: { dumps.append($0) }) { try backend.run(inputs) })
        case .traced(let device, var compiled):
            let shapes = graph.inputs.map { inputs[$0.name]?.shape ?? [] }
            let backend = try compiled[shapes] ?? TracedBackend(tracing: graph, on: device, example: inputs)
            compiled[shapes] = backend
            engine = .traced(device, compiled)
            return add(try backend.run(inputs))
        }
    }

    /// Completes a dump of the whole run; to be called in the end, also after an error.
    func finishDump() {
        if let summary = Dumper.stop() { dumps.append(summary) }
    }

    /// One line for each dump.
    var dumpLines: [String] {
        dumps.map { "dumped \($0.operators) operators, \($0.files) files, \($0.bytes) bytes to \($0.directory)" }
    }

    private func add(_ outcome: DeviceOutcome) -> [String: Tensor] {
        report = report.map { $0.adding(outcome.report) } ?? outcome.report
        return outcome.outputs
    }
}
