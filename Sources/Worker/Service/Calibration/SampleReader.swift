internal import Datasets

/// Where a worker's samples come from: its own files or the coordinator, with the same bytes.
protocol SampleReader: AnyObject {
    /// Gets samples under way.
    func prefetch(_ samples: Range<Int>)
    /// Reads a sample.
    func read(_ index: Int) throws -> RawSample
}

/// Samples that the worker reads from the files itself.
final class SharedSampleReader: SampleReader {
    private let source: DatasetSource

    init(_ source: DatasetSource) {
        self.source = source
    }

    func prefetch(_ samples: Range<Int>) {}

    func read(_ index: Int) throws -> RawSample {
        try source.readRaw(index)
    }
}

/// Samples that the coordinator sends.
final class StreamedSampleReader: SampleReader {
    private let samples: any StreamedSamples

    init(_ samples: any StreamedSamples) {
        self.samples = samples
    }

    func prefetch(_ samples: Range<Int>) {
        self.samples.prefetch(samples)
    }

    func read(_ index: Int) throws -> RawSample {
        try RawSample(decoding: try samples.bytes(ofSample: index))
    }
}
