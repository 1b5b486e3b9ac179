import ArgumentParser
import CoordinatorService
import Foundation

/// `tare coordinator`: serves one calibration to workers that are started by hand.
struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Serve a calibration to workers that are started elsewhere.",
        discussion: """
            Takes what 'tare calibrate' takes, but starts no workers: it listens, leases shards to every 'tare worker' that \
            joins, and writes the model when all shards are counted.

            Example:
              tare coordinator model.onnx --data images.npz --output model.int8.onnx --listen tcp://127.0.0.1:7788
              tare worker --coordinator tcp://127.0.0.1:7788
            """)

    @Argument(help: "The float ONNX model.")
    var model: String

    @Option(help: ArgumentHelp("Where to write the quantized model; its manifest lies beside it.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Also write the statistics.", valueName: "file"))
    var statistics: String?

    @Option(
        help: ArgumentHelp(
            "Where to listen: tcp://127.0.0.1:PORT or ipc://PATH. The data socket takes the next port.",
            valueName: "endpoint"))
    var listen: String = "tcp://127.0.0.1:7788"

    @OptionGroup(title: "Data")
    var data: DataOptions

    @OptionGroup(title: "Scheme")
    var scheme: SchemeOptions

    @OptionGroup(title: "Plan")
    var plan: PlanOptions

    @Flag(help: "Print the manifest as JSON.")
    var json = false

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let output = try InputPath.writable(output, what: "The output")
            let statistics = try statistics.map { try InputPath.writable($0, what: "The statistics file") }
            let job = try CalibrationJob(model: model, data: data, scheme: scheme, plan: plan)
            let service = CoordinatorService(configuration: CoordinatorServiceConfiguration(endpoint: listen))
            let clusterJob = try job.clusterJob(delivery: plan.dataDelivery, paths: data.paths)
            let display = ClusterDisplay(title: "calibrating", announcesEndpoint: true)
            let outcome = try await Interruption.cancelling {
                try await service.run(clusterJob) { display.show($0) }
            }
            display.finish()
            try ConversionSummary(job.write(outcome, model: output, statistics: statistics)).report(json: json)
        }
    }
}
