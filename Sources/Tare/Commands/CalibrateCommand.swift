import ArgumentParser
import Calibration
import CoordinatorService

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

    @OptionGroup(title: "Evaluation")
    var evaluation: EvaluationOptionGroup

    @OptionGroup(title: "Workers")
    var cluster: LocalClusterOptions

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    @OptionGroup(title: "Simulated device")
    var device: DeviceChoice

    @OptionGroup(title: "Dump")
    var dump: DumpOptions

    func validate() throws {
        try keys.validate(listens: cluster.listen != nil)
        try dump.validate(hasLocalWorkers: cluster.hasLocalWorkers)
        if evaluation.count != nil, evaluation.paths.isEmpty, data.command != nil {
            throw ValidationError(
                "--data-command runs once, so there are no samples of it for --evaluate: give --evaluation-data too.")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            _ = try InputPath.existingFile(files.model, what: "The model")
            try scheme.check(stateDictionary: files.stateDictionary)
            try scheme.check(evaluates: evaluation.count != nil)
            let outputs = try OutputFiles(
                model: files.output, statistics: files.statistics, stateDictionary: files.stateDictionary)
            _ = try device.makeDevice()
            let run = try ServedRun(cluster, keys: keys, workerWords: ["--device", device.device] + dump.workerWords())
            try outputs.check(
                against: [files.model, files.config, data.preprocess, evaluation.labels].compactMap { $0 } + data.paths
                    + evaluation.paths)
            try evaluation.labels.map(LabelSource.init(named:))?.check(suits: evaluation.data(data))
            for path in evaluation.paths { _ = try InputPath.existing(path, what: "The evaluation data path") }
            let job = try CalibrationJob(model: files.model, data: data, scheme: scheme, plan: plan)
            try outputs.check(against: job.model.paths)
            let (statistics, histogramPlan) = try await gather(job, run)
            if let path = outputs.statistics { try statistics.write(to: path) }
            var output = try job.convert(statistics, histogramPlan: histogramPlan, name: outputs.modelName)
            // Before it is evaluated, so that nothing that fails there costs the model.
            try outputs.write(output)
            if evaluation.count != nil {
                output = try await evaluate(output, job, run)
                try outputs.write(output)
            }
            try ConversionSummary(manifest: output.manifest, files: outputs).report(json: files.json)
        }
    }

    /// Gathers the statistics, in one pass over the data or in two.
    ///
    /// - Returns: The statistics of the whole job, and the plan of the second pass.
    private func gather(
        _ job: CalibrationJob, _ run: ServedRun
    ) async throws -> (CalibrationStatistics, CalibrationPlan?) {
        let evaluates = evaluation.count != nil
        let first = try await run.run(
            job.clusterJob(delivery: plan.dataDelivery, paths: data.paths), shards: job.plan.shardCount,
            title: "calibrating", isLast: !evaluates && job.quantization.histogramRules.isEmpty
        ).statistics
        guard let second = try HistogramJob(after: job, first) else { return (first, nil) }
        let counted = try await run.run(
            second.clusterJob(delivery: plan.dataDelivery, paths: data.paths), shards: second.plan.shardCount,
            title: "counting", isLast: !evaluates)
        return (try second.complete(first, counted.statistics), second.plan)
    }

    /// Measures what quantization cost, and writes that into the manifest.
    private func evaluate(
        _ output: ModelConversion.Output, _ job: CalibrationJob, _ run: ServedRun
    ) async throws -> ModelConversion.Output {
        let samples = evaluation.data(data)
        let evaluationJob = try EvaluationJob(
            float: job.model, quantized: EvaluationJob.QuantizedModel(output), data: samples,
            labels: evaluation.labels.map(LabelSource.init(named:)), plan: plan)
        let outcome = try await run.run(
            try evaluationJob.clusterJob(delivery: plan.dataDelivery, paths: samples.paths),
            shards: evaluationJob.plan.shardCount, title: "evaluating")
        return try output.evaluated(evaluationJob.report(outcome.statistics))
    }
}
