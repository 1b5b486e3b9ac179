import ArgumentParser
import Calibration
import CoordinatorService
import Foundation
import Launch
import Wire

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
              tare calibrate model.onnx --data images.npz --output model.int8.onnx --listen ipc:///tmp/tare
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

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    func validate() throws {
        if cluster.listen == nil, keys.keys != nil || keys.insecure {
            throw ValidationError("--keys and --insecure are for workers from elsewhere: give --listen too.")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            _ = try InputPath.existingFile(files.model, what: "The model")
            let outputs = try OutputFiles(model: files.output, statistics: files.statistics)
            let access = try access()
            try outputs.check(against: [files.model, files.config, data.preprocess].compactMap { $0 } + data.paths)
            let job = try CalibrationJob(model: files.model, data: data, scheme: scheme, plan: plan)
            try outputs.check(against: job.model.paths)
            let service = CoordinatorService(
                configuration: configuration(shards: job.plan.shardCount, access: access))
            let clusterJob = job.clusterJob(delivery: plan.dataDelivery, paths: data.paths)
            let environment = try LaunchEnvironment(variables: ProcessInfo.processInfo.environment)
            let address = try AddressPublication(path: cluster.addressFile, job: environment.jobID?.value)
            defer { address.withdraw() }
            let reload =
                cluster.listen == nil ? nil : AllowListReload(access) { StandardStreams.writeError("tare: \($0)") }
            defer { reload?.cancel() }
            let display = ClusterDisplay(
                title: "calibrating", workerOptions: cluster.listen == nil ? nil : keys.workerOptions(access))
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

    /// Who may connect.
    private func access() throws -> ClusterAccess {
        if let listen = cluster.listen { return try keys.access(at: Endpoint(listen)) }
        // Keys of this run, which only its own workers get.
        return cluster.transport == .tcp ? try ClusterAccess.withFreshKeys() : ClusterAccess()
    }

    /// Workers of this machine over a private endpoint, or of any machine at the one that was named.
    private func configuration(shards: Int, access: ClusterAccess) -> CoordinatorServiceConfiguration {
        let count = cluster.workerCount(shards: shards)
        var configuration = CoordinatorServiceConfiguration(
            endpoint: cluster.listen ?? (cluster.transport == .tcp ? "tcp://127.0.0.1:*" : nil),
            localWorkers: count > 0 ? LocalWorkersConfiguration(count: count) : nil)
        configuration.access = access
        return configuration
    }
}
