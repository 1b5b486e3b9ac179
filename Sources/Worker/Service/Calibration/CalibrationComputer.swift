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

    func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8] {
        let specification = plan.specification
        let tap = StatisticsTap(
            tensors: specification.observedTensors, collectsHistograms: specification.collectsHistograms)
        let batches = task.shard.batches.map { ($0, task.samples(of: plan.samples(ofBatch: $0))) }
            .filter { !$0.1.isEmpty }
        prefetch(batches.first?.1)
        var done = 0
        for (position, (batch, indices)) in batches.enumerated() {
            let inputs = try read(indices)
            // The next batch travels while this one is computed.
            if position + 1 < batches.count { prefetch(batches[position + 1].1) }
            tap.beginBatch(UInt64(batch))
            do throws(ExecutionError) {
                _ = try executor.run(inputs, tap: tap)
            } catch {
                throw error.asShardComputationError
            }
            tap.endBatch()
            done += indices.count
            try progress(done)
        }
        let statistics = try CalibrationStatistics(
            modelDigest: specification.modelDigest.hexadecimal, planDigest: plan.digest.hexadecimal,
            tensors: try tap.finish())
        return try statistics.encoded()
    }

    /// Asks for samples ahead of time, each run of neighbours at once.
    private func prefetch(_ indices: [Int]?) {
        var run: Range<Int>?
        for index in indices ?? [] {
            if let begun = run, begun.upperBound == index {
                run = begun.lowerBound..<index + 1
            } else {
                if let run { samples.prefetch(run) }
                run = index..<index + 1
            }
        }
        if let run { samples.prefetch(run) }
    }

    /// Reads and decodes the samples of a batch; an error names the sample that is to blame.
    private func read(_ indices: [Int]) throws -> [String: Tensor] {
        var decoded: [DecodedSample] = []
        decoded.reserveCapacity(indices.count)
        for index in indices {
            do {
                let sample = try decoder.decode(try samples.read(index))
                try sample.requireFinite()
                decoded.append(sample)
            } catch let error as DatasetError where error.concernsAFile {
                throw ShardComputationError(.data, error.description)
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
