internal import Datasets
internal import Tensors
internal import Wire

/// Reads the batches of a job: samples on their way ahead of time, decoded, assembled.
final class BatchReader {
    private let decoder: SampleDecoder
    private let samples: any SampleReader

    init(decoder: SampleDecoder, samples: any SampleReader) {
        self.decoder = decoder
        self.samples = samples
    }

    /// Asks for samples ahead of time, each run of neighbours at once.
    func prefetch(_ indices: [Int]?) {
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

    /// Reads and decodes samples and lays them together to what runs at once; an error names the sample that is to blame.
    func read(_ indices: [Int]) throws -> [SampleBatch] {
        try assemble(indices, decoder.assembleBatches)
    }

    /// Reads and decodes samples that have to run at once; an error names the samples that are to blame.
    func readBatch(_ indices: [Int]) throws -> [String: Tensor] {
        try assemble(indices, decoder.assembleBatch)
    }

    private func assemble<Result>(
        _ indices: [Int], _ assembly: ([DecodedSample]) throws(DatasetError) -> Result
    ) throws -> Result {
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
            return try assembly(decoded)
        } catch {
            throw ShardComputationError(.data, error.description)
        }
    }
}
