import ArgumentParser
import Calibration
import CoordinatorService
import Foundation
import Launch
import Wire

/// `tare coordinator`: serves one calibration to workers that are started by hand.
struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Serve a calibration to workers that are started elsewhere.",
        discussion: """
            Takes what 'tare calibrate' takes, but starts no workers: it listens, leases shards to every 'tare worker' that \
            joins, and writes the model when all shards are counted.

            Example:
              tare keygen --directory keys
              tare coordinator model.onnx --data images.npz --output model.int8.onnx --listen 'tcp://*:7788' --keys keys
              tare worker --coordinator tcp://HOST:7788 --key keys/worker.secret --server-key keys/coordinator.public
            """)

    @OptionGroup
    var files: JobOptions

    @Option(
        help: ArgumentHelp(
            "Where to listen: tcp://ADDRESS:PORT or ipc://PATH. The data socket takes the next port.",
            valueName: "endpoint"))
    var listen: String = "tcp://127.0.0.1:7788"

    @Option(
        help: ArgumentHelp(
            "File on a shared file system to say in where it listens, for 'tare worker --address-file'.",
            valueName: "file"))
    var addressFile: String?

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    @OptionGroup(title: "Data")
    var data: DataOptions

    @OptionGroup(title: "Scheme")
    var scheme: SchemeOptions

    @OptionGroup(title: "Plan")
    var plan: PlanOptions

    func run() async throws {
        try await FailureReport.exitOnFailure {
            _ = try InputPath.existingFile(files.model, what: "The model")
            let outputs = try OutputFiles(model: files.output, statistics: files.statistics)
            let access = try keys.access(at: Endpoint(listen))
            try outputs.check(against: [files.model, files.config, data.preprocess].compactMap { $0 } + data.paths)
            let job = try CalibrationJob(model: files.model, data: data, scheme: scheme, plan: plan)
            try outputs.check(against: job.model.paths)
            var configuration = CoordinatorServiceConfiguration(endpoint: listen)
            configuration.access = access
            let service = CoordinatorService(configuration: configuration)
            let clusterJob = job.clusterJob(delivery: plan.dataDelivery, paths: data.paths)
            let environment = try LaunchEnvironment(variables: ProcessInfo.processInfo.environment)
            let address = try AddressPublication(path: addressFile, job: environment.jobID?.value)
            defer { address.withdraw() }
            let display = ClusterDisplay(title: "calibrating", workerOptions: keys.workerOptions(access))
            let reload = AllowListReload(access) { StandardStreams.writeError("tare: \($0)") }
            defer { reload.cancel() }
            let outcome = try await Interruption.cancelling {
                try await service.run(clusterJob) { notice in
                    if case .listening(let control, _) = notice {
                        address.publish(control, serverKey: access.publicKey?.text)
                    }
                    display.show(notice)
                }
            }
            display.finish()
            if let statistics = outputs.statistics { try outcome.statistics.write(to: statistics) }
            let output = try job.convert(outcome.statistics, name: outputs.modelName)
            try outputs.write(output)
            try ConversionSummary(manifest: output.manifest, files: outputs).report(json: files.json)
        }
    }
}
