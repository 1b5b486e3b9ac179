import Foundation
import Tensors

/// JPEG and PNG files, each of which is one sample: a folder of them, or a single one.
struct ImageContainer: SampleContainer {
    let path: String
    /// The files; of a folder in ascending byte order of their paths below it.
    private let files: [String]

    var content: DatasetContent { .images }
    var sampleCount: Int { files.count }

    /// What the name of an image file ends with, in any case.
    private static let extensions: Set<String> = ["jpg", "jpeg", "png"]
    /// Folders nested deeper than this are taken for a loop of symbolic links.
    private static let maximumDepth = 32
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
        var names: [String] = []
        try Self.list(path, below: "", depth: 0, into: &names)
        guard !names.isEmpty else {
            throw .unsupportedPath(path: path, reason: "the folder holds no .jpg, .jpeg or .png file")
        }
        names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let prefix = path.hasSuffix("/") ? path : path + "/"
        self.path = path
        files = names.map { prefix + $0 }
    }

    private static func list(
        _ root: String, below relative: String, depth: Int, into names: inout [String]
    ) throws(DatasetError) {
        let folder = relative.isEmpty ? root : "\(root)/\(relative)"
        guard depth <= maximumDepth else {
            throw .unsupportedPath(path: folder, reason: "folders are nested too deep; is there a loop of links?")
        }
        let entries: [String]
        do {
            entries = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw .unsupportedPath(path: folder, reason: "cannot list the folder: \(error.localizedDescription)")
        }
        for entry in entries.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where !entry.hasPrefix(".") {
            let name = relative.isEmpty ? entry : "\(relative)/\(entry)"
            if try FileKind(path: "\(root)/\(name)") == .folder {
                try list(root, below: name, depth: depth + 1, into: &names)
            } else if extensions.contains(entry.split(separator: ".").last?.lowercased() ?? "") {
                names.append(name)
            } else {
                throw .unsupportedPath(
                    path: "\(root)/\(name)",
                    reason:
                        "this is no .jpg, .jpeg or .png file; move it out of the folder, or start its name with a dot")
            }
        }
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

    func files(holding indices: [Int]) -> [(path: String, sampleCount: Int)] {
        indices.map { (files[$0], 1) }
    }
}
