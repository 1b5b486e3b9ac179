import ArgumentParser
import CoordinatorService
import Foundation

/// `tare calibrate`: everything on this machine, from a float model and samples to a quantized model.
struct CalibrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Calibrate and quantize a float ONNX model with worker processes on this machine.",
        discussion: """
            Writes an ONNX model with QuantizeLinear and DequantizeLinear nodes and, beside it, a manifest (JSON) with every \
            scale, decision and digest. The bytes do not depend on the number of workers, the transport, or what fails.

            Examples:
              tare calibrate model.onnx --data images.npz --output model.int8.onnx
              tare calibrate model.onnx --data photos/ --preprocess imagenet.yaml --samples 512 --seed 1 \
            --observer percentile --workers 8 --output model.int8.onnx --statistics model.safetensors
            """)

    @Argument(help: "The float ONNX model.")
    var model: String

    @Option(help: ArgumentHelp("Where to write the quantized model; its manifest lies beside it.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Also write the statistics, for 'tare quantize' and for NumPy.", valueName: "file"))
    var statistics: String?

    @OptionGroup(title: "Data")
    var data: DataOptions

    @OptionGroup(title: "Scheme")
    var scheme: SchemeOptions

    @OptionGroup(title: "Plan")
    var plan: PlanOptions

    @OptionGroup(title: "Workers")
    var cluster: LocalClusterOptions

    @Flag(help: "Print the manifest as JSON.")
    var json = false

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let output = try InputPath.writable(output, what: "The output")
            let statistics = try statistics.map { try InputPath.writable($0, what: "The statistics file") }
            let job = try CalibrationJob(model: model, data: data, scheme: scheme, plan: plan)
            let workers = cluster.workers.count(shards: try job.shardCount())
            let service = CoordinatorService(
                configuration: CoordinatorServiceConfiguration(
                    endpoint: cluster.transport == .tcp ? "tcp://127.0.0.1:*" : nil,
                    localWorkers: LocalWorkersConfiguration(count: workers)))
            let clusterJob = try job.clusterJob(delivery: plan.dataDelivery, paths: data.paths)
            let display = ClusterDisplay(title: "calibrating")
            let outcome = try await Interruption.cancelling {
                try await service.run(clusterJob) { display.show($0) }
            }
            display.finish()
            try ConversionSummary(job.write(outcome, model: output, statistics: statistics)).report(json: json)
        }
    }
}
