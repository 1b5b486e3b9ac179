import Synchronization
import Tensors

/// The samples of one or several paths in a fixed order, read by index, never all in memory.
///
/// The order: the paths as given; in an array file as the outermost axis counts; in a folder ascending by the bytes of the
/// paths below it. It does not depend on the file system.
public struct DatasetSource: Sendable {
    /// What each sample consists of.
    public var content: DatasetContent { contents[0] }
    /// What a sample consists of, each form that occurs among the files once: they differ in shapes only.
    public let contents: [DatasetContent]
    /// Number of selected samples.
    public let sampleCount: Int
    /// Which samples were selected.
    public let selection: SampleSelection
    /// Names of arrays in the files that are not read (labels, for example), ascending, each once.
    public let ignoredArrays: [String]

    /// How many of the selected samples were taken out again by `excluding`.
    public let excludedCount: Int

    private let containers: [any SampleContainer]
    /// The number of samples before each container.
    private let starts: [Int]
    /// The samples in use, ascending; `nil` for all.
    private let selected: [Int]?
    /// What the files were like when they were opened, by path.
    private let stamps: [String: FileStamp]

    /// Whether the samples lie in temporary files of this process, so that other processes get them from it alone.
    public var isSpooled: Bool { containers.contains { $0.isSpooled } }

    /// Most bytes of temporary files when nobody says.
    public static let defaultSpoolLimit = 16 << 30

    /// Opens paths: .npz, .npy, safetensors, PyTorch, IDX (gzipped too), JPEG and PNG files, tar archives (compressed too),
    /// folders of JPEG and PNG files, folders of ONNX's test data, and files without a header.
    ///
    /// What a file is, its first bytes tell, not its name.
    ///
    /// - Parameters:
    ///   - paths: At least one; several have to hold the same kind of samples.
    ///   - arrays: The names of the arrays that are read (`SampleDecoder.arrayNames`); `nil` for all.
    ///   - headerless: What the files hold when they have no header; all files are then taken so.
    ///   - selection: Which samples are used.
    ///   - spoolLimit: Most bytes of temporary files, which compressed archives need; for each path.
    ///   - progress: Told how far a compressed archive is.
    /// - Throws: When a path cannot be opened, holds something else than the first, or there are too few samples.
    public init(
        paths: [String], arrays: [String]? = nil, headerless: HeaderlessFormat? = nil,
        selection: SampleSelection = .all, spoolLimit: Int = Self.defaultSpoolLimit,
        progress: (SpoolProgress) -> Void = { _ in }
    ) throws(DatasetError) {
        var containers: [any SampleContainer] = []
        var stamps: [String: FileStamp] = [:]
        for path in paths {
            for container in try Self.open(
                path, arrays: arrays, headerless: headerless, spoolLimit: spoolLimit, progress: progress)
            {
                containers.append(container)
                for (file, _) in container.files(holding: 0..<container.sampleCount) where stamps[file] == nil {
                    stamps[file] = try FileStamp(path: file)
                }
            }
        }
        try self.init(containers, stamps: stamps, selection: selection)
    }

    /// Takes the samples that a program writes: .npy or .npz files back to back.
    ///
    /// They are read to their end at once, or until there are as many as `selection` takes from the front, and kept in
    /// a temporary file.
    ///
    /// - Parameters:
    ///   - name: What the samples come from, for messages and the manifest.
    ///   - arrays: The names of the arrays that are kept of .npz files; `nil` for all.
    ///   - isBatched: Whether the outermost axis of the arrays in a file counts samples; else a file is a sample.
    ///   - selection: Which samples are used.
    ///   - spoolLimit: Most bytes of the temporary file.
    ///   - progress: Told of each sample.
    ///   - read: Waits for bytes; gives none at the end, and is not called again then.
    /// - Throws: `DatasetError` naming the frame, or what `read` throws.
    public init(
        frames name: String, arrays: [String]?, isBatched: Bool, selection: SampleSelection,
        spoolLimit: Int = Self.defaultSpoolLimit, progress: (SpoolProgress) -> Void = { _ in },
        read: @escaping () throws -> [UInt8]
    ) throws {
        let limit: Int? = if case .first(let count) = selection { count } else { nil }
        let container = try SpooledContainer(
            name: name, wanted: arrays, isBatched: isBatched, limit: limit, spoolLimit: spoolLimit,
            progress: progress, read: read)
        try self.init([container], stamps: [:], selection: selection)
    }

    private init(
        _ containers: [any SampleContainer], stamps: [String: FileStamp], selection: SampleSelection
    ) throws(DatasetError) {
        guard let first = containers.first else {
            throw .unsupportedPath(path: "--data", reason: "no data were given")
        }
        for other in containers.dropFirst() where other.content.kinds != first.content.kinds {
            throw .differingFiles(
                path: first.path, other: other.path,
                reason: "\(Self.describe(first.content)) against \(Self.describe(other.content))")
        }
        for container in containers { try Self.checkSize(of: container) }
        var starts: [Int] = []
        var total = 0
        for container in containers {
            starts.append(total)
            total += container.sampleCount
        }
        guard total > 0 else { throw .malformedFile(path: first.path, reason: "it holds no sample") }
        self.stamps = stamps
        self.containers = containers
        self.starts = starts
        self.selection = selection
        excludedCount = 0
        contents = containers.reduce(into: []) { contents, container in
            if !contents.contains(container.content) { contents.append(container.content) }
        }
        ignoredArrays = Set(containers.flatMap(\.ignoredArrays)).inByteOrder()
        selected = try selection.indices(of: total)
        sampleCount = selected?.count ?? total
    }

    /// Refuses what no message could carry and what no file could hold, before anything is read: samples of too many or
    /// too large arrays.
    private static func checkSize(of container: any SampleContainer) throws(DatasetError) {
        let arrays: [DatasetArray] =
            switch container.content {
            case .images: []
            case .arrays(let arrays): arrays
            case .fields(let fields): fields.compactMap(\.array)
            }
        func refused(_ reason: String) -> DatasetError { .malformedFile(path: container.path, reason: reason) }
        guard arrays.count <= RawSample.maximumEntryCount else {
            throw refused("a sample has \(arrays.count) arrays; at most \(RawSample.maximumEntryCount) are read")
        }
        for array in arrays {
            let name = array.name.map { "array '\($0)'" } ?? "the array"
            guard array.shape.rank <= RawSample.maximumRank else {
                throw refused(
                    "a sample of \(name) has \(array.shape.rank) axes; at most \(RawSample.maximumRank) are read")
            }
            let byteCount = array.shape.elementCount * array.elementType.byteCount
            guard byteCount <= RawSample.maximumEncodedByteCount else {
                throw refused(
                    "a sample of \(name) has \(byteCount) bytes; at most \(RawSample.maximumEncodedByteCount) are read")
            }
        }
    }

    /// The same samples without some broken ones.
    ///
    /// - Parameter positions: Indices of samples, ascending, each once.
    /// - Returns: The other samples, in their order.
    /// - Precondition: The indices are ascending and lie in `0..<sampleCount`.
    public func excluding(_ positions: [Int]) -> DatasetSource {
        guard !positions.isEmpty else { return self }
        precondition(
            zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 } && positions[0] >= 0
                && positions[positions.count - 1] < sampleCount, "Samples \(positions) of \(sampleCount)")
        let left = Set(positions)
        return DatasetSource(
            self, selected: (0..<sampleCount).filter { !left.contains($0) }.map { selected?[$0] ?? $0 })
    }

    private init(_ other: DatasetSource, selected: [Int]) {
        containers = other.containers
        stamps = other.stamps
        starts = other.starts
        selection = other.selection
        contents = other.contents
        ignoredArrays = other.ignoredArrays
        excludedCount = other.sampleCount - selected.count
        self.selected = selected
        sampleCount = selected.count
    }

    /// Reads one sample as it is in its file.
    ///
    /// - Precondition: `0..<sampleCount` contains the index.
    /// - Throws: `badSample` when an image file cannot be read; `file` when an array file is damaged; `changedFile` when the
    ///   file is not the one that was opened any more.
    public func readRaw(_ index: Int) throws(DatasetError) -> RawSample {
        let (container, local) = locate(index)
        let sample: RawSample
        do {
            sample = try container.read(local)
        } catch {
            // What is broken now may have been changed: then it is not the sample that is to blame.
            try checkFiles(of: container, local)
            throw error
        }
        // After the reading, so that nothing that was read had changed before it.
        try checkFiles(of: container, local)
        return sample
    }

    private func checkFiles(of container: any SampleContainer, _ local: Int) throws(DatasetError) {
        for (path, _) in container.files(holding: [local]) { try stamps[path]?.check() }
    }

    /// What the files of the selected samples were like when they were opened, ascending by path.
    public var fileStamps: [FileStamp] { stamps.values.sorted { $0.path < $1.path } }

    /// Number of samples that the paths hold, selected or not.
    public var availableCount: Int { (starts.last ?? 0) + (containers.last?.sampleCount ?? 0) }

    /// The position of a selected sample among all that the paths hold, which what lies beside them (labels) has too.
    ///
    /// - Precondition: `0..<sampleCount` contains the index.
    public func position(of index: Int) -> Int {
        precondition(index >= 0 && index < sampleCount, "Sample \(index) of \(sampleCount)")
        return selected?[index] ?? index
    }

    /// The name of a sample in messages: a file, or a file and an index.
    ///
    /// - Precondition: `0..<sampleCount` contains the index.
    public func name(of index: Int) -> String {
        let (container, local) = locate(index)
        return container.name(of: local)
    }

    private func locate(_ index: Int) -> (any SampleContainer, Int) {
        precondition(index >= 0 && index < sampleCount, "Sample \(index) of \(sampleCount)")
        let position = selected?[index] ?? index
        // The last container that starts at or before the sample, and is not empty.
        var (low, high) = (0, starts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        return (containers[low], position - starts[low])
    }

    /// Hashes the files that hold selected samples, and checks the checksums that the formats have, on all cores.
    ///
    /// Reads each file once or twice from front to back with little memory.
    ///
    /// - Parameter progress: Told the number of bytes hashed so far, and of all; from several threads, one at a time.
    /// - Returns: The manifest.
    /// - Throws: `DatasetError` naming the first file that cannot be read or is damaged.
    public func manifest(
        progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(DatasetError) -> DatasetManifest {
        var passes: [ManifestPass] = []
        var total = 0
        for (position, container) in containers.enumerated() {
            let range = starts[position]..<starts[position] + container.sampleCount
            let local = selected.map { $0.filter(range.contains).map { $0 - range.lowerBound } }
            guard container.sampleCount > 0, local?.isEmpty != true else { continue }
            let files =
                if let local { container.files(holding: local) } else {
                    container.files(holding: 0..<container.sampleCount)
                }
            if let summary = container.summary(sampleCount: local?.count ?? container.sampleCount) {
                passes.append(.known(summary))
            }
            passes.append(.verification(container))
            for (path, count) in files {
                passes.append(.hash(path: path, sampleCount: count))
                total += try DatasetManifest.File.size(path: path)
            }
        }
        let totalBytes = total
        let done = Mutex(0)
        let files = try passes.concurrentMap { pass throws(DatasetError) in
            try pass.run { count in
                done.withLock {
                    $0 += count
                    progress($0, totalBytes)
                }
            }
        }
        return DatasetManifest(files: files.compactMap { $0 }, selection: selection)
    }

    /// One reading of a file for the manifest.
    private enum ManifestPass: Sendable {
        case verification(any SampleContainer)
        case hash(path: String, sampleCount: Int)
        case known(DatasetManifest.File)

        func run(progress: (Int) -> Void) throws(DatasetError) -> DatasetManifest.File? {
            switch self {
            case .verification(let container):
                try container.verify()
                return nil
            case .hash(let path, let sampleCount):
                return try DatasetManifest.File(path: path, sampleCount: sampleCount, progress: progress)
            case .known(let file): return file
            }
        }
    }

    private static func describe(_ content: DatasetContent) -> String {
        switch content {
        case .images: "images"
        case .arrays(let arrays): arrays.map { "\($0)" }.joined(separator: ", ")
        case .fields(let fields): fields.map { "\($0)" }.joined(separator: ", ")
        }
    }
}
