internal import Calibration
internal import Datasets
internal import Execution
internal import Kernels
internal import Quantization
internal import Tensors
internal import Wire

/// Runs the batches of a shard through the model and gathers the statistics of the observed tensors.
final class CalibrationComputer: ShardComputer {
    private let plan: CalibrationPlan
    private let executor: AcceleratedExecutor
    private let decoder: SampleDecoder
    private let samples: any SampleReader

    init(plan: CalibrationPlan, executor: AcceleratedExecutor, decoder: SampleDecoder, samples: any SampleReader) {
        self.plan = plan
        self.executor = executor
        self.decoder = decoder
        self.samples = samples
    }

    func compute(_ shard: CalibrationPlan.Shard, progress: (Int) throws -> Void) throws -> [UInt8] {
        let specification = plan.specification
        let tap = StatisticsTap(
            tensors: specification.observedTensors, collectsHistograms: specification.collectsHistograms)
        samples.prefetch(plan.samples(ofBatch: shard.batches.lowerBound))
        var done = 0
        for batch in shard.batches {
            let range = plan.samples(ofBatch: batch)
            let inputs = try read(range)
            // The next batch travels while this one is computed.
            if batch + 1 < shard.batches.upperBound { samples.prefetch(plan.samples(ofBatch: batch + 1)) }
            tap.beginBatch(UInt64(batch))
            do throws(ExecutionError) {
                _ = try executor.run(inputs, tap: tap)
            } catch {
                throw error.asShardComputationError
            }
            tap.endBatch()
            done += range.count
            try progress(done)
        }
        let statistics = try CalibrationStatistics(
            modelDigest: specification.modelDigest.hexadecimal, planDigest: plan.digest.hexadecimal,
            tensors: try tap.finish())
        return try statistics.encoded()
    }

    /// Reads and decodes the samples of a batch; an error names the sample that is to blame.
    private func read(_ range: Range<Int>) throws -> [String: Tensor] {
        var decoded: [DecodedSample] = []
        decoded.reserveCapacity(range.count)
        for index in range {
            do {
                let sample = try decoder.decode(try samples.read(index))
                try sample.requireFinite()
                decoded.append(sample)
            } catch let error as DatasetError {
                // The coordinator puts the number of the sample in front.
                let text =
                    if case .badSample(let name, let reason) = error { "\(name): \(reason)" } else { error.description }
                throw ShardComputationError(.data, text, sample: index)
            }
        }
        do {
            return try DecodedSample.assembleBatch(decoded)
        } catch {
            throw ShardComputationError(.data, error.description)
        }
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
