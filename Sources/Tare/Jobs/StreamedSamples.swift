import CoordinatorService
import Datasets

/// Gives workers the raw bytes of samples.
struct StreamedSamples: SampleByteSource {
    let source: DatasetSource

    func bytes(ofSample index: Int) throws -> [UInt8] {
        try source.readRaw(index).encoded()
    }
}
