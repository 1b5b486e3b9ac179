import Tensors

/// One path of a dataset once it is open: samples by index, and what the manifest needs.
protocol SampleContainer: Sendable {
    /// The path as the user gave it.
    var path: String { get }
    var sampleCount: Int { get }
    var content: DatasetContent { get }
    /// Arrays in the file that are not read.
    var ignoredArrays: [String] { get }

    /// Whether the samples lie in temporary files of this process, so that no other one can read them.
    var isSpooled: Bool { get }

    /// Reads one sample.
    func read(_ index: Int) throws(DatasetError) -> RawSample

    /// The name of a sample in messages.
    func name(of index: Int) -> String

    /// The files that hold the samples `indices` (ascending), in order, and how many each of them holds.
    func files(holding indices: some Collection<Int>) -> [(path: String, sampleCount: Int)]

    /// What stands in the manifest for a number of selected samples that lie in no file of the user's; `nil` for those that do.
    func summary(sampleCount: Int) -> DatasetManifest.File?

    /// Reads everything once where the format has checksums, and checks them.
    func verify() throws(DatasetError)
}

extension SampleContainer {
    /// Refuses samples without any element: their number stands in the file alone, with nothing to show for it.
    ///
    /// - Parameters:
    ///   - shapes: Those of the arrays of a sample; one of them may be empty.
    ///   - path: The file.
    /// - Throws: `malformedFile`.
    static func requireElements(_ shapes: [Shape], path: String) throws(DatasetError) {
        guard shapes.contains(where: { $0.elementCount > 0 }) else {
            throw .malformedFile(
                path: path,
                reason:
                    "its samples have no elements: \(shapes.map { "\($0)" }.joined(separator: ", ")); give samples with data"
            )
        }
    }

    var ignoredArrays: [String] { [] }

    var isSpooled: Bool { false }

    func summary(sampleCount: Int) -> DatasetManifest.File? { nil }

    func files(holding indices: some Collection<Int>) -> [(path: String, sampleCount: Int)] {
        [(path, indices.count)]
    }

    func verify() throws(DatasetError) {}

    func name(of index: Int) -> String { "\(path)[\(index)]" }
}
