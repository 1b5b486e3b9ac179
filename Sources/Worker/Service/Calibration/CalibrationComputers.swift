internal import Calibration
internal import Conversion
internal import Datasets
internal import Execution
public import Foundation
internal import Graphs
public import MLU
internal import ONNXFormat
internal import Wire

/// Makes what computes the statistics of a calibration or an evaluation: models, samples and executors of a job.
public struct CalibrationComputers: ShardComputerFactory {
    private let verifiesData: Bool
    /// The worker's device: quantized models are loaded into its memory.
    private let device: MLUDevice
    private let dump: DumpConfiguration?
    private let tell: @Sendable (String) -> Void

    /// Makes a factory.
    ///
    /// - Parameters:
    ///   - verifiesData: Whether data that the worker opens itself are hashed and compared with the job's digest, once per
    ///     job. A worker that the coordinator started on its own machine need not do what was just done there.
    ///   - device: The device that this worker simulates.
    ///   - dump: Which batches of calibrations and micro-batches of trainings are dumped to this worker's own directory.
    ///   - tell: Told what goes wrong with a dump, in one line.
    public init(
        verifiesData: Bool, device: MLUDevice = MLUDevice(), dump: DumpConfiguration? = nil,
        tell: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.verifiesData = verifiesData
        self.device = device
        self.dump = dump
        self.tell = tell
    }

    /// Loads the model, opens the data and gets the executor ready.
    public func makeComputer(for job: WorkerJob) throws -> any ShardComputer {
        let specification = job.plan.specification
        let options = try ComputationOptions(text: specification.options)
        let imported = try Self.importedGraph(job)
        if let training = options.training {
            let reader = try batchReader(job, options, inputs: imported.inputs, sampleCount: training.sampleCount)
            return try TrainingComputer(job, imported, training, reader: reader, dump: batchDump)
        }
        let reader = try batchReader(job, options, inputs: imported.inputs)
        if let evaluation = options.evaluation {
            return try EvaluationComputer(job, float: imported, evaluation: evaluation, reader: reader, device: device)
        }
        do {
            let graph = try PreparedGraph(imported).graph
            let executor = try AcceleratedExecutor(graph, observing: specification.observedTensors)
            if let histograms = options.histograms {
                return try HistogramComputer(job, histograms, executor: executor, reader: reader)
            }
            return CalibrationComputer(
                plan: job.plan, executor: executor, reader: reader,
                dumper: batchDump.map { BatchDumper(graph, on: device, $0) })
        } catch let error as ConversionError {
            throw ShardComputationError(.data, error.description)
        } catch let error as ExecutionError {
            throw error.asShardComputationError
        }
    }

    private var batchDump: BatchDump? { dump.map { BatchDump($0, tell: tell) } }

    private func batchReader(
        _ job: WorkerJob, _ options: ComputationOptions, inputs: [Graph.Value], sampleCount: Int? = nil
    ) throws -> BatchReader {
        do {
            let preprocessing = try options.preprocessing.map { text throws(DatasetError) in
                try Preprocessing(yaml: text, source: "the job's preprocessing")
            }
            let decoder = try SampleDecoder(inputs: InputSignature.signatures(of: inputs), preprocessing: preprocessing)
            let samples = try reader(
                job, options, arrays: decoder.arrayNames, sampleCount: sampleCount ?? job.plan.specification.sampleCount
            )
            return BatchReader(decoder: decoder, samples: samples)
        } catch let error as DatasetError {
            throw ShardComputationError(.data, error.description)
        }
    }

    /// Loads a quantized model into the worker's device.
    public func loadModel(at url: URL) throws -> any LoadedModel {
        do {
            let graph = try ONNXModel.load(from: url).graph
            return QuantizedModel(
                executor: try AcceleratedExecutor(graph), parameters: try DeviceParameters(of: graph, on: device))
        } catch let error as MLUError {
            throw ShardComputationError(.device, error.description)
        } catch let error as ExecutionError {
            throw error.asShardComputationError
        } catch let error as ONNXImportError {
            throw ShardComputationError(.data, error.description)
        }
    }

    /// A quantized model, ready to run, with its parameters in the device's memory.
    private final class QuantizedModel: LoadedModel {
        let executor: AcceleratedExecutor
        private let parameters: DeviceParameters

        init(executor: AcceleratedExecutor, parameters: DeviceParameters) {
            self.executor = executor
            self.parameters = parameters
        }
    }

    private static func importedGraph(_ job: WorkerJob) throws(ShardComputationError) -> Graph {
        let url = job.modelFolder.appending(path: job.plan.specification.model[0].path)
        do {
            return try ONNXModel.load(from: url).graph
        } catch {
            throw ShardComputationError(.data, error.description)
        }
    }

    private func reader(
        _ job: WorkerJob, _ options: ComputationOptions, arrays: [String], sampleCount: Int
    ) throws -> any SampleReader {
        let specification = job.plan.specification
        switch job.delivery {
        case .stream:
            guard let samples = job.samples else {
                throw ShardComputationError(.internal, "The samples are streamed, but there is no stream")
            }
            return StreamedSampleReader(samples)
        case .shared(let paths):
            let selection = SampleSelection(limit: options.sampleLimit, seed: options.seed)
            let headerless = try options.headerless.map(HeaderlessFormat.init(text:))
            let whole = try DatasetSource(paths: paths, arrays: arrays, headerless: headerless, selection: selection)
            guard options.excludedSamples.last ?? -1 < whole.sampleCount else {
                throw Self.differentData(paths, "\(whole.sampleCount) samples")
            }
            let source = whole.excluding(options.excludedSamples)
            guard source.sampleCount == sampleCount else {
                throw Self.differentData(paths, "\(source.sampleCount) samples, not \(sampleCount)")
            }
            if verifiesData {
                let digest = try source.manifest().digest
                guard digest == specification.dataDigest.hexadecimal else {
                    throw Self.differentData(paths, "the digest \(digest), not \(specification.dataDigest)")
                }
            }
            return SharedSampleReader(source)
        }
    }

    /// Another machine may have the right files, so this is the worker's failure and not the job's.
    private static func differentData(_ paths: [String], _ what: String) -> ShardComputationError {
        ShardComputationError(
            .device,
            "On this machine the data (\(paths.joined(separator: ", "))) have \(what); copy the same files here, or let the "
                + "coordinator send them (--data-delivery stream)")
    }
}

extension ExecutionError {
    /// Another worker would fail at the same node or input; the library's refusal is this machine's.
    var asShardComputationError: ShardComputationError {
        switch self {
        case .missingInput, .inputMismatch, .unknownValue, .node: ShardComputationError(.data, description)
        case .library: ShardComputationError(.device, description)
        }
    }
}
