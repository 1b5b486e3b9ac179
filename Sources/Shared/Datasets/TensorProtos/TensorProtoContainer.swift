import Tensors

/// The test data that come with ONNX's models: tensors whose outermost axis counts the samples.
///
/// A folder holds `input_0.pb`, `input_1.pb` and so on, or folders `test_data_set_0` and so on with such files.
struct TensorProtoContainer: SampleContainer {
    let path: String
    let content: DatasetContent
    let sampleCount: Int
    private let sets: [Folder]

    /// One folder.
    private struct Folder {
        let path: String
        let files: [TensorProtoFile]
        let names: [String?]
        let paths: [String]
        /// Number of samples in the folders before.
        let start: Int
        let sampleCount: Int
    }

    private static let setPrefix = "test_data_set_"
    private static let inputPrefix = "input_"
    private static let ending = ".pb"

    /// Whether a folder is one of these.
    static func matches(_ folder: String) throws(DatasetError) -> Bool {
        try FolderListing.names(folder).contains {
            number($0, setPrefix, "") != nil || number($0, inputPrefix, ending) != nil
        }
    }

    /// Opens the folder.
    ///
    /// - Parameters:
    ///   - folder: Its path.
    ///   - wanted: The names of the model's inputs in order, for tensors without a name.
    /// - Throws: `malformedFile` when inputs are missing or have different numbers of samples.
    init(folder: String, wanted: [String]?) throws(DatasetError) {
        var numbered: [(number: Int, name: String)] = []
        for name in try FolderListing.names(folder) {
            if let number = Self.number(name, Self.setPrefix, "") { numbered.append((number, name)) }
        }
        // Folder 10 after folder 9, so by number.
        numbered.sort { ($0.number, $0.name) < ($1.number, $1.name) }
        let folders = numbered.isEmpty ? [folder] : numbered.map { FolderListing.join(folder, $0.name) }
        var sets: [Folder] = []
        for path in folders {
            sets.append(try Self.open(path, wanted: wanted, start: sets.last.map { $0.start + $0.sampleCount } ?? 0))
        }
        path = folder
        self.sets = sets
        sampleCount = sets.last.map { $0.start + $0.sampleCount } ?? 0
        content = sets.first.map(Self.content) ?? .arrays([])
        for set in sets {
            let kinds = Self.content(set).kinds
            guard kinds == content.kinds else {
                throw .differingFiles(path: sets[0].path, other: set.path, reason: "\(content.kinds) against \(kinds)")
            }
        }
    }

    /// The number in a name; `nil` when the name is another.
    private static func number(_ name: String, _ prefix: String, _ suffix: String) -> Int? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.count > prefix.count + suffix.count else {
            return nil
        }
        let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
        return digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
    }

    private static func open(_ folder: String, wanted: [String]?, start: Int) throws(DatasetError) -> Folder {
        let count = try FolderListing.names(folder).count { number($0, inputPrefix, ending) != nil }
        guard count > 0 else {
            throw .malformedFile(
                path: folder, reason: "it holds no \(inputPrefix)0\(ending); put one there for each input")
        }
        var files: [TensorProtoFile] = []
        var names: [String?] = []
        var paths: [String] = []
        for index in 0..<count {
            let path = FolderListing.join(folder, "\(inputPrefix)\(index)\(ending)")
            do throws(TensorFileError) { files.append(try TensorProtoFile(path: path)) } catch { throw .file(error) }
            let name = files[index].name
            names.append(name.isEmpty ? wanted.flatMap { index < $0.count ? $0[index] : nil } : name)
            paths.append(path)
            guard let samples = files[index].shape.dimensions.first, samples == files[0].shape.dimensions.first else {
                throw .malformedFile(
                    path: path,
                    reason:
                        "\(files[index].elementType) \(files[index].shape) does not begin with the number of samples of "
                        + "\(inputPrefix)0\(ending), \(files[0].shape)")
            }
        }
        try requireElements(files.map { Shape(Array($0.shape.dimensions.dropFirst())) }, path: folder)
        if count == 1, wanted?.count == 1, names[0].map({ wanted?.contains($0) == true }) != true { names[0] = nil }
        return Folder(
            path: folder, files: files, names: names, paths: paths, start: start,
            sampleCount: files[0].shape.dimensions.first ?? 0)
    }

    private static func content(_ set: Folder) -> DatasetContent {
        .arrays(
            zip(set.names, set.files).map { name, file in
                DatasetArray(
                    name: name, elementType: file.elementType, shape: Shape(Array(file.shape.dimensions.dropFirst())))
            })
    }

    private func locate(_ index: Int) -> (set: Folder, row: Int) {
        let set = sets.last { $0.start <= index && $0.sampleCount > 0 } ?? sets[0]
        return (set, index - set.start)
    }

    func name(of index: Int) -> String {
        let (set, row) = locate(index)
        return "\(set.path)[\(row)]"
    }

    func read(_ index: Int) throws(DatasetError) -> RawSample {
        let (set, row) = locate(index)
        var entries: [RawSample.Entry] = []
        do throws(TensorFileError) {
            for (name, file) in zip(set.names, set.files) {
                entries.append(RawSample.Entry(name: name, tensor: try file.row(row)))
            }
        } catch {
            throw .file(error)
        }
        return RawSample(name: name(of: index), content: .arrays(entries))
    }

    func files(holding indices: some Collection<Int>) -> [(path: String, sampleCount: Int)] {
        var files: [(path: String, sampleCount: Int)] = []
        for set in sets {
            let count = indices.count { $0 >= set.start && $0 < set.start + set.sampleCount }
            guard count > 0 else { continue }
            // The samples are counted once, though each lies in several files.
            for (position, path) in set.paths.enumerated() { files.append((path, position == 0 ? count : 0)) }
        }
        return files
    }
}
