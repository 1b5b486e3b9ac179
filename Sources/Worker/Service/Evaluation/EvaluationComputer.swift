internal import Calibration
internal import Conversion
internal import Datasets
internal import Evaluation
internal import Execution
internal import Foundation
internal import Graphs
internal import MLU
internal import ONNXFormat
internal import Tensors
internal import Wire

/// Runs the batches of a shard through the float model, the quantized one, and the quantized one's layers by themselves.
///
/// What a graph is made of is the executors' business.
final class EvaluationComputer: ShardComputer {
    private let plan: CalibrationPlan
    private let pair: ModelPair
    private let digests: (float: String, quantized: String)
    private let float: any GraphExecutor
    private let quantized: any GraphExecutor
    private let isolated: any GraphExecutor
    private let reader: BatchReader
    /// The quantized model in the memory of the worker's device.
    private let parameters: DeviceParameters

    /// Matches the models and gets the executors ready.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - graph: The float model's graph, as imported.
    ///   - evaluation: Which files are the quantized model.
    ///   - reader: The samples.
    ///   - device: The worker's device.
    /// - Throws: `ShardComputationError` when the models cannot be compared or run.
    init(
        _ job: WorkerJob, float graph: Graph, evaluation: EvaluationOptions, reader: BatchReader, device: MLUDevice
    ) throws {
        let specification = job.plan.specification
        let models = try evaluation.models(of: specification)
        plan = job.plan
        self.reader = reader
        digests = (
            JobSpecification.modelDigest(of: models.float).hexadecimal,
            JobSpecification.modelDigest(of: models.quantized).hexadecimal
        )
        do {
            let url = job.modelFolder.appending(path: models.quantized[0].path)
            pair = try ModelPair(imported: graph, quantized: try Self.quantized(at: url))
            parameters = try DeviceParameters(of: pair.quantized, on: device)
            // The two quantized runs follow each other in the same memory.
            let outputs = OutputMemory()
            float = try AcceleratedExecutor(pair.float, outputs: outputs)
            quantized = try AcceleratedExecutor(pair.quantized, outputs: outputs)
            isolated = try AcceleratedExecutor(pair.isolated, outputs: outputs)
        } catch let error as ONNXImportError {
            throw ShardComputationError(.data, error.description)
        } catch let error as TensorFileError {
            throw ShardComputationError(.data, error.description)
        } catch let error as ConversionError {
            throw ShardComputationError(.data, error.description)
        } catch let error as MLUConversionError {
            throw ShardComputationError(.data, error.description)
        } catch let error as ModelPairError {
            throw ShardComputationError(.data, error.description)
        } catch let error as ExecutionError {
            throw error.asShardComputationError
        } catch let error as MLUError {
            throw ShardComputationError(.device, error.description)
        }
        guard pair.layers.map(\.value).sorted() == specification.observedTensors else {
            throw ShardComputationError(
                .internal, "Coordinator and worker match the models differently; use the same build on both sides")
        }
    }

    /// The quantized model of a file, in the form that its name says.
    private static func quantized(at url: URL) throws -> DeliveredModel {
        if let format = try? StateFileFormat(path: url.path) {
            return .state(try StateDictionary(path: url.path, format: format))
        }
        return .graph(try ONNXModel.load(from: url).graph)
    }

    func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8] {
        let batches = task.shard.batches.map { task.samples(of: plan.samples(ofBatch: $0)) }.filter { !$0.isEmpty }
        var accumulator = EvaluationAccumulator(pair)
        reader.prefetch(batches.first)
        var done = 0
        for (position, indices) in batches.enumerated() {
            let parts = try reader.read(indices)
            // The next batch travels while this one is computed.
            if position + 1 < batches.count { reader.prefetch(batches[position + 1]) }
            do {
                for part in parts {
                    let samples = part.positions.map { UInt64(indices[$0]) }
                    try accumulator.addBatch(samples: samples, inputs: part.inputs) { role, inputs in
                        // Every run is a sign of life: three of them may take long.
                        try progress(done)
                        return try executor(for: role).run(inputs, tap: nil)
                    }
                }
            } catch let error as ExecutionError {
                throw error.asShardComputationError
            } catch let error as EvaluationComputationError {
                throw ShardComputationError(.data, error.description)
            }
            done += indices.count
            try progress(done)
        }
        return try accumulator.finish(
            floatDigest: digests.float, quantizedDigest: digests.quantized, planDigest: plan.digest.hexadecimal
        ).encoded()
    }

    private func executor(for role: EvaluationAccumulator.Role) -> any GraphExecutor {
        switch role {
        case .float: float
        case .quantized: quantized
        case .isolated: isolated
        }
    }
}
