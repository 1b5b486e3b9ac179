import ArgumentParser
import Datasets
import Execution
import Foundation
import Graphs
import MLU
import ONNXFormat
import Tensors

/// `tare run`: computes a model's outputs for the arrays of an .npz file.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a float or quantized model on the arrays of an .npz file.",
        discussion: """
            Arrays are matched to the model's inputs by name; other arrays are ignored. The outputs are written as arrays \
            named after the model's outputs.

            Examples:
              tare run model.onnx --input sample.npz --output result.npz
              tare run model.int8.onnx --input evaluation.npz --labels label
              tare run model.onnx --input sample.npz --output result.npz --backend cnnl --device edge --profile
              tare run model.onnx --input sample.npz --output result.npz --backend cnnl --dump-dir dump --dump-level 2
              tare run model.onnx --state-dict model.pth --input sample.npz --output result.npz --backend magicmind
            """)

    @Argument(help: "The ONNX model.")
    var model: String

    @Option(help: ArgumentHelp("The .npz file with the inputs.", valueName: "file"))
    var input: String

    @Option(help: ArgumentHelp("Where to write the outputs.", valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "What computes: cpu (oneDNN), reference (plain loops, slow), cnnl or magicmind (the simulated device).",
            discussion: "cnnl runs operator by operator; magicmind traces the model, fuses it and runs it as a whole."))
    var backend: ModelRun.Backend = .cpu

    @Option(help: ArgumentHelp("Samples computed at a time, when the model allows it.", valueName: "n"))
    var batchSize: Int = 32

    @Option(
        help: ArgumentHelp("Array with the right class of each sample; prints the top-1 accuracy.", valueName: "name"))
    var labels: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "A quantized state dictionary (.pth or .safetensors) to load into the float model before it runs.",
            valueName: "file"))
    var stateDict: String?

    @OptionGroup(title: "Simulated device")
    var deviceOptions: DeviceOptions

    @OptionGroup(title: "Dump")
    var dump: DumpOptions

    func validate() throws {
        if backend != .cnnl, dump.dumpDir != nil {
            throw ValidationError("--dump-dir is for --backend cnnl, which runs operator by operator.")
        }
        if output == nil, labels == nil { throw ValidationError("Give --output, --labels or both.") }
        if !backend.isDevice, deviceOptions.profile {
            throw ValidationError("--profile is for the simulated device; add --backend cnnl or --backend magicmind.")
        }
        if !backend.isDevice, deviceOptions.choice.device != DeviceModel.server.name {
            throw ValidationError("--device is for the simulated device; add --backend cnnl or --backend magicmind.")
        }
        if backend != .cnnl, !deviceOptions.mluFusion {
            throw ValidationError("--no-mlu-fusion is for --backend cnnl.")
        }
        if backend != .cnnl, deviceOptions.cnnlPositions {
            throw ValidationError("--cnnl-positions is for --backend cnnl.")
        }
        if batchSize < 1 { throw ValidationError("--batch-size must be at least 1, not \(batchSize).") }
    }

    func run() throws {
        try FailureReport.exitOnFailure {
            try execute()
        }
    }

    private func execute() throws {
        if let output { try checkOutput(output) }
        let graph = try loadGraph()
        let arrays = try NPZFile(path: InputPath.existingFile(input, what: "The input file"))
        var inputs: [String: Tensor] = [:]
        for value in graph.inputs {
            guard arrays.names.contains(value.name) else {
                throw ExecutionError.missingInput(name: value.name, available: arrays.names)
            }
            inputs[value.name] = try arrays.tensor(value.name)
        }
        let run = try ModelRun(graph, backend: backend, options: deviceOptions, dump: dump.configuration)
        let started = ContinuousClock.now
        var progress = ProgressLine(title: "running", unit: "samples")
        defer { run.finishDump() }
        let outputs = try BatchedRun(graph, batchSize: batchSize, compute: run.run).run(inputs) { done, total in
            progress.update(done: done, total: total)
        }
        progress.finish()
        run.finishDump()
        let elapsed = ContinuousClock.now - started
        if let first = run.hostNodes.first {
            StandardStreams.writeError(
                "warning: \(run.hostNodes.count) nodes ran on the host because the device has no kernel for them as "
                    + "they are (not quantized, or float64); the first is '\(first)'")
        }
        if let output { try NPZFile.write(outputs, to: output) }
        for line in run.dumpLines { StandardStreams.writeError(line) }
        try report(
            outputs, labels: labels.map { try Labels.read(path: input, array: $0) }, elapsed: elapsed,
            device: deviceOptions.profile ? run.report : nil)
        if run.dumps.contains(where: { $0.failure != nil }) {
            throw CommandFailure(.inputOutput, "The dump is not whole; the results are")
        }
    }

    private func loadGraph() throws -> Graph {
        let graph = try ONNXModel.load(from: URL(filePath: InputPath.existingFile(model, what: "The model"))).graph
        guard let stateDict else { return graph }
        let (loaded, warnings) = try QuantizedState(path: stateDict).load(into: graph)
        for warning in warnings { StandardStreams.writeError("warning: \(warning)") }
        return loaded
    }

    private func checkOutput(_ output: String) throws {
        try OutputFiles.checkWritable(output, what: "--output")
        try OutputFiles.checkDistinct(output, what: "--output", from: [model, input, stateDict].compactMap { $0 })
    }

    private func report(
        _ outputs: [String: Tensor], labels: [Int]?, elapsed: Duration, device: CycleReport?
    ) throws {
        var summary = RunSummary(
            model: model, outputs: outputs.mapValues { "\($0.elementType)\($0.shape)" }, seconds: elapsed / .seconds(1),
            device: device)
        if let labels, let name = self.labels {
            guard outputs.count == 1, let scores = outputs.values.first else {
                throw CommandFailure(.usage, "--labels needs a model with one output; this one has \(outputs.count)")
            }
            summary.accuracy = try Accuracy(scores: scores, labels: labels, name: name)
        }
        if json {
            StandardStreams.writeOutput(try JSONText.encode(summary))
            return
        }
        if let accuracy = summary.accuracy {
            StandardStreams.writeOutput(
                "\(model): top-1 \(accuracy.percentText) (\(accuracy.correct)/\(accuracy.samples))")
        }
        if let device { for line in DeviceProfile(report: device).lines { StandardStreams.writeOutput(line) } }
        if let output {
            for (name, type) in summary.outputs.sorted(by: { $0.key < $1.key }) {
                StandardStreams.writeOutput("\(output): \(name) \(type)")
            }
        }
    }
}

/// What `tare run --json` prints.
struct RunSummary: Encodable {
    /// The model.
    var model: String
    /// Type and shape of each output.
    var outputs: [String: String]
    /// Time for all samples.
    var seconds: Double
    /// Accuracy, when labels were given.
    var accuracy: Accuracy?
    /// Where the simulated device's cycles went, with `--profile`.
    var device: CycleReport?
}

extension ModelRun.Backend: ExpressibleByArgument {}
