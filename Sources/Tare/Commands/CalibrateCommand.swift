import ArgumentParser
import Calibration
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

    @OptionGroup
    var files: JobOptions

    @OptionGroup(title: "Data")
    var data: DataOptions

    @OptionGroup(title: "Scheme")
    var scheme: SchemeOptions

    @OptionGroup(title: "Plan")
    var plan: PlanOptions

    @OptionGroup(title: "Workers")
    var cluster: LocalClusterOptions

    func run() async throws {
        try await FailureReport.exitOnFailure {
            _ = try InputPath.existingFile(files.model, what: "The model")
            let outputs = try OutputFiles(model: files.output, statistics: files.statistics)
            try outputs.check(against: [files.model, files.config, data.preprocess].compactMap { $0 } + data.paths)
            let job = try CalibrationJob(model: files.model, data: data, scheme: scheme, plan: plan)
            try outputs.check(against: job.model.paths)
            let workers = cluster.workers.count(shards: job.plan.shardCount)
            var configuration = CoordinatorServiceConfiguration(
                endpoint: cluster.transport == .tcp ? "tcp://127.0.0.1:*" : nil,
                localWorkers: LocalWorkersConfiguration(count: workers))
            // Keys of this run, which only its own workers get.
            if cluster.transport == .tcp { configuration.access = try ClusterAccess.withFreshKeys() }
            let service = CoordinatorService(configuration: configuration)
            let clusterJob = job.clusterJob(delivery: plan.dataDelivery, paths: data.paths)
            let display = ClusterDisplay(title: "calibrating")
            let outcome = try await Interruption.cancelling {
                try await service.run(clusterJob) { display.show($0) }
            }
            display.finish()
            if let statistics = outputs.statistics { try outcome.statistics.write(to: statistics) }
            let output = try job.convert(outcome.statistics, name: outputs.modelName)
            try outputs.write(output)
            try ConversionSummary(manifest: output.manifest, files: outputs).report(json: files.json)
        }
    }
}
