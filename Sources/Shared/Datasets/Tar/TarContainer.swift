import Tensors

/// A tar archive in the form of WebDataset: images and arrays under the names of their samples.
struct TarContainer: SampleContainer {
    let path: String
    let content: DatasetContent
    let ignoredArrays: [String]
    private let index: TarIndex
    private let fields: [Field]

    var sampleCount: Int { index.samples.count }
    var isSpooled: Bool { index.isSpooled }

    private static let arraySuffix = "npy"

    /// What becomes data of the members of a sample with one suffix.
    private struct Field {
        let suffix: String
        let isImage: Bool

        /// - Returns: `nil` when such members are no data.
        init?(_ suffix: String) {
            let last = suffix.split(separator: ".").last.map(String.init) ?? suffix
            guard ImageContainer.endings.contains(last) || last == TarContainer.arraySuffix else { return nil }
            self.suffix = suffix
            isImage = last != TarContainer.arraySuffix
        }

        /// `mask` of `mask.png`; the suffix itself when nothing stands before the format.
        var name: String {
            suffix.lastIndex(of: ".").map { String(suffix[..<$0]) } ?? suffix
        }

        /// Whether the suffix says only the format.
        var isUnnamed: Bool { !suffix.contains(".") }
    }

    /// Reads the archive once.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - compression: `gzip`, `zstandard`, or `tar` when it is not compressed.
    ///   - wanted: The names of the inputs; `nil` for everything that can be data.
    ///   - spoolLimit: Most bytes of a compressed archive that are kept in a temporary file.
    ///   - progress: Told how far a compressed archive is.
    /// - Throws: `malformedFile` for damaged archives; `missingArray` when nothing in it has a wanted name.
    init(
        path: String, compression: FileFormat, wanted: [String]?, spoolLimit: Int, progress: (SpoolProgress) -> Void
    ) throws(DatasetError) {
        index = try TarIndex(path: path, compression: compression, spoolLimit: spoolLimit, progress: progress) {
            Field($0) != nil
        }
        self.path = path
        guard let first = index.samples.first else {
            throw .malformedFile(path: path, reason: "the tar archive holds no sample")
        }
        let candidates = first.members.compactMap { Field($0.suffix) }
        guard !candidates.isEmpty else {
            throw .malformedFile(
                path: path,
                reason:
                    "sample '\(first.key)' has no image (\(ImageContainer.endings.joined(separator: ", "))) and no array (npy), "
                    + "only: \(first.members.map(\.suffix).joined(separator: ", "))")
        }
        fields = try Self.chosen(candidates, wanted: wanted, place: "\(path)[\(first.key)]")
        let used = fields.map(\.suffix)
        ignoredArrays = first.members.map(\.suffix).filter { !used.contains($0) }
        content = try Self.content(fields, of: first, in: index)
    }

    /// The fields that the model's inputs take, in the order of the inputs.
    private static func chosen(
        _ candidates: [Field], wanted: [String]?, place: String
    ) throws(DatasetError) -> [Field] {
        // What has no name goes to the only input, as the images of a folder do.
        if let wanted, wanted.count == 1, !candidates.contains(where: { $0.name == wanted[0] }) {
            let unnamed = candidates.filter(\.isUnnamed)
            if unnamed.count == 1 { return unnamed }
        }
        var chosen: [Field] = []
        for name in wanted ?? candidates.map(\.name) {
            let named = candidates.filter { $0.name == name }
            guard let field = named.first else {
                throw .missingArray(path: place, name: name, available: candidates.map(\.name))
            }
            guard named.count == 1 else {
                throw .malformedFile(
                    path: place,
                    reason:
                        "both '\(named[0].suffix)' and '\(named[1].suffix)' are called '\(name)'; give one of them another name"
                )
            }
            chosen.append(field)
        }
        return chosen
    }

    /// What the first sample consists of.
    private static func content(
        _ fields: [Field], of sample: TarIndex.Sample, in index: TarIndex
    ) throws(DatasetError) -> DatasetContent {
        if fields.count == 1, fields[0].isImage { return .images }
        var described: [DatasetField] = []
        for field in fields {
            if field.isImage {
                described.append(.image(name: field.name))
            } else {
                let array = try stored(field, of: sample, in: index)
                described.append(
                    .array(
                        DatasetArray(
                            name: name(of: field, among: fields), elementType: array.elementType, shape: array.shape)))
            }
        }
        let arrays = described.compactMap(\.array)
        return arrays.count == described.count ? .arrays(arrays) : .fields(described)
    }

    /// The name of an array; a single one whose suffix is only the format has none.
    private static func name(of field: Field, among fields: [Field]) -> String? {
        fields.count == 1 && field.isUnnamed ? nil : field.name
    }

    private static func stored(
        _ field: Field, of sample: TarIndex.Sample, in index: TarIndex
    ) throws(DatasetError) -> StoredArray {
        do throws(TensorFileError) {
            return try StoredArray(
                npyIn: index.file, range: try range(of: field, in: sample), name: "\(sample.key).\(field.suffix)")
        } catch {
            throw .badSample(sample: "\(index.path)[\(sample.key)]", reason: error.description)
        }
    }

    private static func range(of field: Field, in sample: TarIndex.Sample) throws(TensorFileError) -> Range<Int> {
        guard let range = sample.range(of: field.suffix) else {
            throw TensorFileError(
                path: sample.key, member: field.suffix,
                reason: .missingMember(available: sample.members.map(\.suffix)))
        }
        guard range.count <= RawSample.maximumEncodedByteCount else {
            throw TensorFileError(path: sample.key, reason: .unsupported("a member of \(range.count) bytes"))
        }
        return range
    }

    func verify() throws(DatasetError) { try index.verify() }

    func name(of index: Int) -> String { "\(path)[\(self.index.samples[index].key)]" }

    func read(_ index: Int) throws(DatasetError) -> RawSample {
        let sample = self.index.samples[index]
        let name = name(of: index)
        var read: [RawSample.Field] = []
        do throws(TensorFileError) {
            for field in fields {
                let range = try Self.range(of: field, in: sample)
                if field.isImage {
                    read.append(.image(name: field.name, bytes: try self.index.file.bytes(range)))
                } else {
                    let array = try StoredArray(npyIn: self.index.file, range: range, name: field.suffix)
                    read.append(
                        .array(RawSample.Entry(name: Self.name(of: field, among: fields), tensor: try array.tensor())))
                }
            }
        } catch {
            throw .badSample(sample: name, reason: "\(error.member.map { "'\($0)': " } ?? "")\(error.reason)")
        }
        switch content {
        case .images:
            guard case .image(_, let bytes)? = read.first else { preconditionFailure("A field of images holds none") }
            return RawSample(name: name, content: .image(bytes))
        case .arrays: return RawSample(name: name, content: .arrays(read.compactMap(\.entry)))
        case .fields: return RawSample(name: name, content: .fields(read))
        }
    }
}
