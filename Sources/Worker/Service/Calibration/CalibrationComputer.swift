internal import Calibration
internal import Datasets
internal import Execution
internal import Kernels
internal import Quantization

/// Runs the batches of a shard through the model and gathers the statistics of the observed tensors.
final class CalibrationComputer: ShardComputer {
    private let plan: CalibrationPlan
    private let executor: AcceleratedExecutor
    private let reader: BatchReader
    private let dumper: BatchDumper?

    init(plan: CalibrationPlan, executor: AcceleratedExecutor, reader: BatchReader, dumper: BatchDumper?) {
        self.dumper = dumper
        self.plan = plan
        self.executor = executor
        self.reader = reader
    }

    func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8] {
        let specification = plan.specification
        let tap = StatisticsTap(
            tensors: specification.observedTensors, collectsHistograms: specification.collectsHistograms)
        let batches = task.shard.batches.map { ($0, task.samples(of: plan.samples(ofBatch: $0))) }
            .filter { !$0.1.isEmpty }
        reader.prefetch(batches.first?.1)
        var done = 0
        for (position, (batch, indices)) in batches.enumerated() {
            let parts = try reader.read(indices)
            // The next batch travels while this one is computed.
            if position + 1 < batches.count { reader.prefetch(batches[position + 1].1) }
            tap.beginBatch(UInt64(batch))
            do throws(ExecutionError) {
                for part in parts { _ = try executor.run(part.inputs, tap: tap) }
            } catch {
                throw error.asShardComputationError
            }
            tap.endBatch()
            dumper?.record(batch: batch, parts.map(\.inputs))
            done += indices.count
            try progress(done)
        }
        let statistics = try CalibrationStatistics(
            modelDigest: specification.modelDigest.hexadecimal, planDigest: plan.digest.hexadecimal,
            tensors: try tap.finish())
        return try statistics.encoded()
    }
}

/// Hands each observed tensor to its accumulator.
private final class StatisticsTap: TensorTap {
    private let names: [String]
    private var accumulators: [String: StatisticsAccumulator] = [:]

    init(tensors: [String], collectsHistograms: Bool) {
        names = tensors
        for name in tensors { accumulators[name] = StatisticsAccumulator(collectsHistogram: collectsHistograms) }
    }

    func beginBatch(_ index: UInt64) {
        for name in names { accumulators[name]?.beginBatch(index) }
    }

    func endBatch() {
        for name in names { accumulators[name]?.endBatch() }
    }

    func observe(_ value: String, elements: Span<Float>) {
        accumulators[value]?.observe(elements)
    }

    func finish() throws -> [String: TensorStatistics] {
        var result: [String: TensorStatistics] = [:]
        for name in names { result[name] = try accumulators[name]?.finish() }
        return result
    }
}
