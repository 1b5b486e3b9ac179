internal import Calibration
internal import Conversion
internal import Graphs
internal import Tensors
internal import Training
internal import TrainingJobs
internal import Wire

/// Computes the gradients of micro-batches with the parameters of their step.
final class TrainingComputer: ShardComputer {
    private let job: WorkerJob
    private let reader: BatchReader
    private let computer: MicroBatchComputer
    /// The right class of each sample; `nil` when the teacher says all.
    private let labels: [Int64]?
    private let augmentation: SampleAugmentation?
    private let dump: BatchDump?
    private var order: SampleOrder
    /// The parameters that were fetched last.
    private var current: (digest: ContentDigest, parameters: [String: Tensor])?
    /// Whether samples are asked for by their place in the order, as the coordinator sends them.
    private let readsPlaces: Bool

    /// Gets the model ready and fetches the labels.
    ///
    /// - Throws: `ShardComputationError` when the model cannot be trained.
    init(
        _ job: WorkerJob, _ imported: Graph, _ options: TrainingOptions, reader: BatchReader, dump: BatchDump?
    ) throws {
        self.job = job
        self.dump = dump
        self.reader = reader
        order = SampleOrder(options)
        if case .stream = job.delivery { readsPlaces = true } else { readsPlaces = false }
        augmentation = options.sampleAugmentation
        do {
            computer = try options.computer(of: imported)
            labels = try options.labels.map { try Self.labels(job, $0, count: options.sampleCount) }
        } catch {
            throw Self.failure(error)
        }
    }

    private static func labels(_ job: WorkerJob, _ digest: ContentDigest, count: Int) throws -> [Int64] {
        let file = try Safetensors(decoding: try job.fetchBlob(digest), name: "the labels")
        guard let tensor = file.tensors["labels"], tensor.elementType == .int64, tensor.elementCount == count else {
            throw ShardComputationError(.internal, "The labels are not one int64 for each sample")
        }
        return tensor.elements(as: Int64.self)
    }

    func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8] {
        guard let input = task.input else {
            throw ShardComputationError(.internal, "The lease names no parameters; use the same build on both sides")
        }
        var result: MicroBatchResult?
        for batch in task.shard.batches {
            let places = task.samples(of: job.plan.samples(ofBatch: batch))
            guard !places.isEmpty else { continue }
            guard result == nil else {
                throw ShardComputationError(.internal, "A shard of a training is one micro-batch")
            }
            if readsPlaces { reader.prefetch(places) }
            let parameters = try parameters(input)
            try progress(0)
            let samples = places.map { order.sample(at: $0) }
            let inputs = try reader.readBatch(readsPlaces ? places : samples)
            do {
                let augmented = try augmented(inputs, samples, epoch: order.epoch(ofPlace: places[0]))
                func compute() throws -> MicroBatchResult {
                    try computer.compute(
                        parameters: parameters, inputs: augmented, targets: targets(samples),
                        step: order.step(ofPlace: places[0]))
                }
                result = try dump?.recording(batch: batch, compute) ?? compute()
            } catch {
                throw Self.failure(error)
            }
            try progress(places.count)
        }
        guard let result else { throw ShardComputationError(.internal, "A micro-batch has no samples") }
        do {
            return try result.encoded(input: input.hexadecimal, shard: task.shard.index)
        } catch {
            throw ShardComputationError(.internal, error.description)
        }
    }

    private func augmented(
        _ inputs: [String: Tensor], _ samples: [Int], epoch: Int
    ) throws(TrainingJobError) -> [String: Tensor] {
        try augmentation?.augmented(inputs, samples: samples, epoch: epoch) ?? inputs
    }

    private func targets(_ samples: [Int]) -> Tensor? {
        labels.map { labels in Tensor(shape: [samples.count], elements: samples.map { labels[$0] }) }
    }

    private func parameters(_ digest: ContentDigest) throws -> [String: Tensor] {
        if let current, current.digest == digest { return current.parameters }
        do {
            let parameters = try Graph.parameters(decoding: try job.fetchBlob(digest))
            current = (digest, parameters)
            return parameters
        } catch let error as TensorFileError {
            throw ShardComputationError(.internal, error.description)
        }
    }

    /// What is wrong with the model or the data would be wrong on any worker; the library's refusal is this machine's.
    private static func failure(_ error: any Error) -> any Error {
        switch error {
        case TrainingError.library(_, let reason): ShardComputationError(.device, reason)
        case let error as TrainingError: ShardComputationError(.data, error.description)
        case let error as ModuleError: ShardComputationError(.data, error.description)
        case let error as TrainingJobError: ShardComputationError(.data, error.description)
        case let error as ConversionError: ShardComputationError(.data, error.description)
        default: error
        }
    }
}
