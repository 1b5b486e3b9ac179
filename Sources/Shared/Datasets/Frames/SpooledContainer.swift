import Crypto
import Tensors

/// Samples that came once, from a program, and are kept in a temporary file so that they can be read again.
struct SpooledContainer: SampleContainer {
    let path: String
    let content: DatasetContent
    let ignoredArrays: [String]
    /// The SHA-256 of the samples in their binary form, in order, in hexadecimal.
    private let digest: String
    private let file: InputFile
    private let ranges: [Range<Int>]

    var sampleCount: Int { ranges.count }
    var isSpooled: Bool { true }

    /// Reads frames to the end, or until there are enough samples.
    ///
    /// - Parameters:
    ///   - name: What the samples come from, for messages and the manifest.
    ///   - wanted: The names of the arrays that are kept; `nil` for all.
    ///   - isBatched: Whether the outermost axis of the arrays of a frame counts samples; else a frame is a sample.
    ///   - limit: How many samples are enough; `nil` for all.
    ///   - spoolLimit: Most bytes that are kept.
    ///   - progress: Told of each sample.
    ///   - read: Waits for bytes; gives none at the end.
    /// - Throws: `DatasetError` naming the frame, `TensorFileError` for a full temporary file, or what `read` throws.
    init(
        name: String, wanted: [String]?, isBatched: Bool, limit: Int?, spoolLimit: Int,
        progress: (SpoolProgress) -> Void, read: @escaping () throws -> [UInt8]
    ) throws {
        let spool = try TemporaryFile(name: name, byteLimit: spoolLimit)
        var frames = FrameReader(source: name, read: read)
        var hash = SHA256()
        var ranges: [Range<Int>] = []
        var form: [DatasetArray] = []
        var ignored: Set<String> = []
        while limit.map({ ranges.count < $0 }) ?? true, let arrays = try frames.next() {
            let place = "\(name), frame \(frames.count - 1)"
            let kept = try Self.kept(arrays, wanted: wanted, place: place)
            ignored.formUnion(arrays.compactMap(\.name).filter { name in !kept.contains { $0.name == name } })
            for entries in isBatched ? try Self.rows(of: kept, place: place) : [kept] {
                guard limit.map({ ranges.count < $0 }) ?? true else { break }
                let arrays = entries.map {
                    DatasetArray(name: $0.name, elementType: $0.tensor.elementType, shape: $0.tensor.shape)
                }
                if ranges.isEmpty { form = arrays }
                guard form.map(\.kind) == arrays.map(\.kind) else {
                    throw DatasetError.malformedFile(
                        path: place,
                        reason: "it has \(arrays), but the first sample \(form); give all samples the same arrays")
                }
                // Without a name, so that the digest is that of the data alone.
                let bytes = RawSample(name: "", content: .arrays(entries)).encoded()
                hash.update(data: bytes)
                ranges.append(try spool.append(bytes))
                progress(
                    SpoolProgress(
                        name: name, sampleCount: ranges.count, byteCount: frames.byteCount, totalByteCount: nil))
            }
        }
        path = name
        content = .arrays(form)
        ignoredArrays = ignored.inByteOrder()
        file = try spool.reader()
        self.ranges = ranges
        digest = DatasetManifest.hexadecimal(hash.finalize())
    }

    func summary(sampleCount: Int) -> DatasetManifest.File? {
        DatasetManifest.File(path: path, byteCount: file.byteCount, sha256: digest, sampleCount: sampleCount)
    }

    /// The wanted arrays in the order of their names in `wanted`.
    private static func kept(
        _ arrays: [RawSample.Entry], wanted: [String]?, place: String
    ) throws(DatasetError) -> [RawSample.Entry] {
        guard let wanted, arrays.contains(where: { $0.name != nil }) else { return arrays }
        var kept: [RawSample.Entry] = []
        for name in wanted {
            guard let entry = arrays.first(where: { $0.name == name }) else {
                throw .missingArray(path: place, name: name, available: arrays.compactMap(\.name))
            }
            kept.append(entry)
        }
        return kept
    }

    /// The samples of a frame whose arrays count them along their outermost axis.
    private static func rows(
        of arrays: [RawSample.Entry], place: String
    ) throws(DatasetError) -> [[RawSample.Entry]] {
        guard let count = arrays.first?.tensor.shape.dimensions.first,
            arrays.allSatisfy({ $0.tensor.shape.dimensions.first == count })
        else {
            throw .malformedFile(
                path: place,
                reason: "its arrays are no batch, whose outermost axes have one length: "
                    + arrays.map { "\($0.tensor.shape)" }.joined(separator: ", "))
        }
        try requireElements(arrays.map { Shape(Array($0.tensor.shape.dimensions.dropFirst())) }, path: place)
        return (0..<count).map { row in
            arrays.map { entry in
                let shape = Shape(Array(entry.tensor.shape.dimensions.dropFirst()))
                return RawSample.Entry(
                    name: entry.name, tensor: entry.tensor.slice(outermost: row..<row + 1).reshaped(to: shape))
            }
        }
    }

    func read(_ index: Int) throws(DatasetError) -> RawSample {
        let bytes: [UInt8]
        do throws(TensorFileError) { bytes = try file.bytes(ranges[index]) } catch { throw .file(error) }
        return RawSample(name: name(of: index), content: try RawSample(decoding: bytes).content)
    }

    func files(holding indices: some Collection<Int>) -> [(path: String, sampleCount: Int)] { [] }
}
