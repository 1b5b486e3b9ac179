import ArgumentParser
import Calibration
import CoordinatorService
import Evaluation
import Foundation
import Tensors

/// `tare evaluate`: what quantization cost, layer by layer and at the end.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Compare a quantized model with its float model, layer by layer, with worker processes.",
        discussion: """
            Both models run on the same samples. For every layer: its own error (the quantized layer on the float model's \
            inputs), the error that arrives there through the network, and the share of elements that quantization clamps. At \
            the end: how often both prefer the same class, and with --labels how often each is right. The statistics do not \
            depend on the number of workers, to the bit.

            Examples:
              tare evaluate model.onnx model.int8.onnx --data images.npz
              tare evaluate model.onnx model.int8.onnx --data test.npz --labels label --workers 4 --report report.json
              tare evaluate model.onnx quantized.pth --data test.npz      # of calibrate --qconfig mlu --state-dict
            """)

    @Argument(help: "The float ONNX model.")
    var float: String

    @Argument(
        help: "The quantized model made from it: .onnx, or a state dictionary (.pth, .safetensors) for the device.")
    var quantized: String

    @OptionGroup(title: "Data")
    var data: DataOptions

    @Option(
        help: ArgumentHelp(
            "The right classes: a file; the name of an array in the files of --data; of tar archives the ending of the members "
                + "that hold them (cls), or json:KEY; folders, when --data has a folder of images for each class.",
            discussion:
                "Folders are classes 0, 1 ... in the order of their names, or of the lines of FILE in folders:FILE.",
            valueName: "file|name|folders"))
    var labels: String?

    @OptionGroup(title: "Plan")
    var plan: PlanOptions

    @OptionGroup(title: "Workers")
    var cluster: LocalClusterOptions

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    @Option(help: "Order of the table: graph, or worst (smallest own SQNR first).")
    var order: EvaluationTable.Order = .graph

    @Option(help: ArgumentHelp("Also write the report as JSON.", valueName: "file"))
    var report: String?

    @Option(help: ArgumentHelp("Also write the statistics, for NumPy.", valueName: "file"))
    var statistics: String?

    @Flag(help: "Print the report as JSON.")
    var json = false

    func validate() throws {
        try keys.validate(listens: cluster.listen != nil)
        if let report, report == statistics { throw ValidationError("--report and --statistics are the same file.") }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let read = [float, quantized, data.preprocess, labels].compactMap { $0 } + data.paths
            for (what, path) in [("--report", report), ("--statistics", statistics)] {
                guard let path else { continue }
                try OutputFiles.checkWritable(path, what: what)
                try OutputFiles.checkDistinct(path, what: what, from: read)
            }
            let run = try ServedRun(cluster, keys: keys)
            let model = try SourceModel(path: float)
            let quantized = try EvaluationJob.QuantizedModel(path: quantized)
            for path in [report, statistics].compactMap(\.self) {
                try OutputFiles.checkDistinct(path, what: "'\(path)'", from: model.paths + quantized.paths)
            }
            let job = try EvaluationJob(
                float: model, quantized: quantized, data: data,
                labels: labels.map(LabelSource.init(named:)), plan: plan)
            let outcome = try await run.run(
                try job.clusterJob(delivery: plan.dataDelivery, paths: data.paths), shards: job.plan.shardCount,
                title: "evaluating")
            if let statistics { try outcome.statistics.write(to: statistics) }
            try publish(try job.report(outcome.statistics))
        }
    }

    private func publish(_ document: ResultManifest.Evaluation) throws {
        let text = try JSONText.encode(document)
        if let report { try AtomicFile.write(Array((text + "\n").utf8), to: report) }
        StandardStreams.writeOutput(json ? text : EvaluationTable(document, order: order).text)
    }
}
