import ArgumentParser
import Calibration
import Conversion
import Foundation
import Graphs
import ONNXFormat
import Tensors
import TrainingJobs

/// `tare train`: a float model trained by worker processes.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a float ONNX model with worker processes, byte for byte the same on any number of them.",
        discussion: """
            Every step has a fixed number of micro-batches; their gradients are added in their order. So the weights depend \
            neither on the number of workers nor on what fails. A lost micro-batch is computed again.

            Examples:
              tare train model.onnx --data train.npz --labels label --epochs 12 --output trained.onnx
              tare train job.yaml --workers 4 --checkpoint state.pth
            """)

    @Argument(help: "The ONNX model, or a YAML file with the options as keys.")
    var model: String

    @Option(help: ArgumentHelp("Where to write the trained model.", valueName: "file"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "YAML file with these options as keys; an option on the command line wins.", valueName: "file"))
    var config: String?

    @OptionGroup(title: "Data")
    var data: DataOptions

    @Option(
        help: ArgumentHelp(
            "How workers get the samples: shared reads the paths, stream receives them over ZeroMQ.", valueName: "way"))
    var dataDelivery: PlanOptions.DataDeliveryChoice = .shared

    @OptionGroup(title: "Training")
    var training: TrainingOptionGroup

    @OptionGroup(title: "Workers")
    var cluster: LocalClusterOptions

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    @OptionGroup(title: "Dump")
    var dump: DumpOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        try keys.validate(listens: cluster.listen != nil)
        try dump.validate(hasLocalWorkers: cluster.hasLocalWorkers)
        try dump.validateTraining()
        guard training.labels != nil else { throw ValidationError("--labels are needed.") }
        if training.augment?.augmentation.mixesUp == true {
            throw ValidationError(
                "A blend of two images has no label: --augment mixup is for tare finetune --distill 1.")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let files = [("--output", output)] + (training.checkpoint.map { [("--checkpoint", $0)] } ?? [])
            try TrainingFiles.check(files, against: [model, training.labels, data.preprocess] + data.paths)
            let job = try TrainingJob(
                model: model, data: data, training: training, qconfig: nil, floatPaths: [])
            let run = TrainingRun(
                cluster: cluster, keys: keys, training: training, data: data, delivery: dataDelivery,
                dump: dump)
            let (state, summary) = try await run.run(job)
            try ONNXModel.write(
                state.graph.expandingModules(isTraining: false).graph, to: URL(filePath: output))
            try TrainingFiles.report(summary, written: files.map(\.1), json: json)
        }
    }
}

/// What the commands that train have in common.
enum TrainingFiles {
    /// Checks that files can be written, and that none of them is read or another one.
    static func check(_ files: [(what: String, path: String)], against inputs: [String?]) throws {
        for (index, file) in files.enumerated() {
            try OutputFiles.checkWritable(file.path, what: file.what)
            try OutputFiles.checkDistinct(
                file.path, what: file.what, from: inputs.compactMap(\.self) + files[..<index].map(\.path))
        }
    }

    /// Prints what came of a training.
    static func report(_ summary: TrainingRun.Summary, written: [String], json: Bool) throws {
        guard !json else {
            StandardStreams.writeOutput(try JSONText.encode(summary))
            return
        }
        func text(_ number: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", number) }
        StandardStreams.writeOutput(
            """
            \(summary.steps) steps: loss \(text(summary.loss, 4)), \(text(100 * summary.accuracy, 2)) % right in the last epoch
            parameters sha256 \(summary.parametersSHA256)
            \(Int(summary.samplesPerSecond)) samples/s; \(summary.gradientBytes / 1_000_000) MB of gradients, \
            \(summary.parameterBytes / 1_000_000) MB of parameters; workers busy \(text(100 * summary.busyShare, 0)) % of the time
            wrote \(written.joined(separator: " and "))
            """)
    }
}
