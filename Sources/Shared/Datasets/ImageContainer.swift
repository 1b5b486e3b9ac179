import Tensors

/// JPEG and PNG files, each of which is one sample: a folder of them, or a single one.
struct ImageContainer: SampleContainer {
    let path: String
    /// The files; of a folder in ascending byte order of their paths below it.
    private let files: [String]

    var content: DatasetContent { .images }
    var sampleCount: Int { files.count }

    /// What the name of an image file ends with, in any case.
    static let endings = ["jpg", "jpeg", "png"]
    /// Largest image file that is read.
    private static let maximumFileByteCount = 1 << 28

    /// Takes one image file.
    init(file path: String) {
        self.path = path
        files = [path]
    }

    /// Lists a folder and the folders in it.
    ///
    /// Hidden files and folders are left out; a file that is no image is an error.
    init(folder path: String) throws(DatasetError) {
        let names = try FolderListing.files(path, endings: Self.endings)
        guard !names.isEmpty else {
            throw .unsupportedPath(
                path: path, reason: "the folder holds no \(FolderListing.describe(Self.endings)) file")
        }
        self.path = path
        files = names.map { FolderListing.join(path, $0) }
    }

    func name(of index: Int) -> String { files[index] }

    func read(_ index: Int) throws(DatasetError) -> RawSample {
        do throws(TensorFileError) {
            let file = try InputFile(path: files[index])
            guard file.byteCount <= Self.maximumFileByteCount else {
                throw TensorFileError(path: file.path, reason: .unsupported("an image file of \(file.byteCount) bytes"))
            }
            return RawSample(name: files[index], content: .image(try file.bytes(0..<file.byteCount)))
        } catch {
            throw .badSample(sample: files[index], reason: "\(error.reason)")
        }
    }

    func files(holding indices: some Collection<Int>) -> [(path: String, sampleCount: Int)] {
        indices.map { (files[$0], 1) }
    }
}
