internal import Calibration
internal import Datasets
internal import Execution
internal import Quantization
internal import Wire

/// Runs the batches of a shard through the model again and counts the observed tensors in the bins that follow from the first pass.
final class HistogramComputer: ShardComputer {
    private let plan: CalibrationPlan
    private let options: HistogramOptions
    private let executor: AcceleratedExecutor
    private let reader: BatchReader
    /// By tensor and batch.
    private let batches: [String: [UInt64: CalibrationStatistics.CountedBatch]]

    /// Finds the bins of all batches.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - options: Whose histograms are counted, and where the first pass's statistics are.
    ///   - executor: Runs the model; it observes the tensors of the job.
    ///   - reader: The samples.
    /// - Throws: `ShardComputationError` when the statistics are not those of this model and of all its tensors.
    init(
        _ job: WorkerJob, _ options: HistogramOptions, executor: AcceleratedExecutor, reader: BatchReader
    ) throws {
        plan = job.plan
        self.options = options
        self.executor = executor
        self.reader = reader
        let specification = job.plan.specification
        let statistics: CalibrationStatistics
        do {
            statistics = try CalibrationStatistics(
                decoding: try job.fetchBlob(options.statistics), name: "the statistics of the first pass")
        } catch let error as CalibrationStatisticsError {
            throw ShardComputationError(.internal, error.description)
        }
        guard statistics.modelDigest == specification.modelDigest.hexadecimal else {
            throw ShardComputationError(.internal, "The statistics of the first pass are those of another model")
        }
        var batches: [String: [UInt64: CalibrationStatistics.CountedBatch]] = [:]
        for name in specification.observedTensors {
            guard let rule = options.rules[name], let found = statistics.countedBatches(of: name, rule) else {
                throw ShardComputationError(.internal, "The first pass did not observe tensor '\(name)'")
            }
            batches[name] = found
        }
        self.batches = batches
    }

    func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8] {
        let names = plan.specification.observedTensors
        let wanted = options.batches(of: task.shard, in: plan, without: Set(task.excluded))
            .map { (batch: $0.batch, samples: $0.samples.filter(task.part.contains)) }
            .filter { !$0.samples.isEmpty }
        // A trial computes a part, to find a sample that does harm; nobody counts what it gives.
        let isWhole = task.part == task.shard.samples
        var rows: [String: [UInt32]] = [:]
        reader.prefetch(wanted.first?.samples)
        var done = 0
        for (position, (batch, indices)) in wanted.enumerated() {
            let parts = try reader.read(indices)
            // The next batch travels while this one is computed.
            if position + 1 < wanted.count { reader.prefetch(wanted[position + 1].samples) }
            let tap = HistogramTap(batches, batch: UInt64(batch))
            do throws(ExecutionError) {
                for part in parts { _ = try executor.run(part.inputs, tap: tap) }
            } catch {
                throw error.asShardComputationError
            }
            for name in names {
                rows[name, default: []] += try tap.row(name, binCount: binCount(of: name), isWhole: isWhole)
            }
            done += indices.count
            try progress(done)
        }
        return try HistogramCounts(
            modelDigest: plan.specification.modelDigest.hexadecimal, planDigest: plan.digest.hexadecimal,
            batchIndices: wanted.map { UInt64($0.batch) },
            tensors: Dictionary(
                uniqueKeysWithValues: names.map { name in
                    (name, .init(binCount: binCount(of: name), counts: rows[name] ?? []))
                })
        ).encoded()
    }

    private func binCount(of tensor: String) -> Int { options.rules[tensor]?.binCount ?? 0 }
}

/// Counts the tensors of one batch.
private final class HistogramTap: TensorTap {
    private let batch: UInt64
    private let ranges: [String: TensorRange]
    /// Looked up by tensor, never iterated.
    private var counters: [String: HistogramCounter]
    /// Tensors that had no finite element in the first pass and have one now.
    private var unexpected: Set<String> = []

    init(_ batches: [String: [UInt64: CalibrationStatistics.CountedBatch]], batch: UInt64) {
        self.batch = batch
        let own = batches.compactMapValues { $0[batch] }
        ranges = own.mapValues(\.range)
        counters = own.mapValues { HistogramCounter($0.bins) }
    }

    func observe(_ value: String, elements: Span<Float>) {
        if counters[value] != nil {
            counters[value]?.observe(elements)
        } else if TensorRange(finiteElementsOf: elements) != nil {
            unexpected.insert(value)
        }
    }

    /// The counts of a tensor.
    ///
    /// - Throws: `ShardComputationError` when the whole batch has other values than in the first pass: one of the two devices is faulty.
    func row(_ name: String, binCount: Int, isWhole: Bool) throws -> [UInt32] {
        guard !isWhole || counters[name]?.observed == ranges[name], !isWhole || !unexpected.contains(name) else {
            throw ShardComputationError(
                .device,
                "Tensor '\(name)' has other values in batch \(batch) than in the first pass; this device or the one that computed the "
                    + "first pass is faulty")
        }
        guard let counter = counters[name] else { return [UInt32](repeating: 0, count: binCount) }
        return try counter.counts.map { count in
            guard let count = UInt32(exactly: count) else {
                throw ShardComputationError(
                    .data, HistogramCountsError.tooManyElements(tensor: name, batch: batch).description)
            }
            return count
        }
    }
}
