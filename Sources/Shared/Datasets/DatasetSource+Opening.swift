import Tensors

extension DatasetSource {
    /// Opens what lies at a path.
    static func open(
        _ path: String, arrays: [String]?, headerless: HeaderlessFormat?, spoolLimit: Int,
        progress: (SpoolProgress) -> Void
    ) throws(DatasetError) -> [any SampleContainer] {
        let isFolder = try FileKind(path: path) == .folder
        if let headerless {
            guard isFolder else { return [try headerless.open(path)] }
            var containers: [any SampleContainer] = []
            for name in try FolderListing.files(path, endings: nil) {
                containers.append(try headerless.open(FolderListing.join(path, name)))
            }
            guard !containers.isEmpty else { throw .unsupportedPath(path: path, reason: "the folder holds no file") }
            return containers
        }
        if isFolder {
            return try TensorProtoContainer.matches(path)
                ? [TensorProtoContainer(folder: path, wanted: arrays)] : [ImageContainer(folder: path)]
        }
        return [try open(file: path, arrays: arrays, spoolLimit: spoolLimit, progress: progress)]
    }

    private static func open(
        file path: String, arrays: [String]?, spoolLimit: Int, progress: (SpoolProgress) -> Void
    ) throws(DatasetError) -> any SampleContainer {
        let format = try format(of: path)
        switch format {
        case .npz:
            return try isPyTorch(path)
                ? ArrayContainer(pyTorch: path, wanted: arrays) : ArrayContainer(npz: path, wanted: arrays)
        case .npy: return try ArrayContainer(npy: path)
        case .safetensors: return try ArrayContainer(safetensors: path, wanted: arrays)
        case .idx: return try ArrayContainer(idx: path)
        case .jpeg, .png: return ImageContainer(file: path)
        case .tar?, .gzip?, .zstandard?:
            if let format, try TarIndex.isTar(path: path, compression: format) {
                return try TarContainer(
                    path: path, compression: format, wanted: arrays, spoolLimit: spoolLimit, progress: progress)
            }
            if format == .gzip { return try ArrayContainer(idx: path) }
            throw .unsupportedPath(path: path, reason: "what is compressed in it is no tar archive; decompress it")
        case nil:
            throw .unsupportedPath(
                path: path,
                reason:
                    "this is none of .npz, .npy, safetensors, PyTorch, IDX, JPEG, PNG, tar, or a folder of JPEG and PNG "
                    + "files; of a file without a header --data-format says what it holds")
        }
    }

    /// The kind of a file by its first bytes; `nil` when it is none of those known.
    static func format(of path: String) throws(DatasetError) -> FileFormat? {
        do throws(TensorFileError) {
            let file = try InputFile(path: path)
            return FileFormat(start: try file.bytes(0..<min(FileFormat.startByteCount, file.byteCount)))
        } catch {
            throw .file(error)
        }
    }

    private static func isPyTorch(_ path: String) throws(DatasetError) -> Bool {
        do throws(TensorFileError) { return try PyTorchFile.isArchive(path: path) } catch { throw .file(error) }
    }
}
