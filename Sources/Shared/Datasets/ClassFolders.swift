import Foundation
import Tensors

extension Labels {
    /// The labels of folders of images with a folder for each class: the class of an image is the folder that it lies in,
    /// directly or deeper.
    ///
    /// - Parameters:
    ///   - folders: The paths of the data.
    ///   - classes: A text file with the name of a class in each line, in their order; `nil` for the names of the folders
    ///     in ascending byte order, those of all paths together.
    /// - Returns: The number of the class of each image, from 0, in the order of the dataset.
    /// - Throws: `unsupportedPath` for a path that is no folder, an image outside of the folders of the classes, and a folder
    ///   that is no class of the file.
    public static func classFolders(_ folders: [String], classes: String? = nil) throws(DatasetError) -> [Int] {
        for folder in folders where try FileKind(path: folder) != .folder {
            throw .unsupportedPath(
                path: folder, reason: "labels by folders need a folder with a folder of images for each class")
        }
        let names: [String]
        if let classes { names = try classNames(classes) } else { names = try classNames(of: folders) }
        var numbers: [String: Int] = [:]
        for (number, name) in names.enumerated() { numbers[name] = number }
        var labels: [Int] = []
        for folder in folders {
            for file in try FolderListing.files(folder, endings: ImageContainer.endings) {
                guard let slash = file.firstIndex(of: "/") else {
                    throw .unsupportedPath(
                        path: FolderListing.join(folder, file),
                        reason: "it lies in no folder of a class; move it into one")
                }
                guard let number = numbers[String(file[..<slash])] else {
                    throw .unsupportedPath(
                        path: FolderListing.join(folder, file),
                        reason:
                            "'\(file[..<slash])' is no class of \(classes ?? "the data"); add it there in a line of its own"
                    )
                }
                labels.append(number)
            }
        }
        return labels
    }

    private static func classNames(of folders: [String]) throws(DatasetError) -> [String] {
        var names: Set<String> = []
        for folder in folders {
            for name in try FolderListing.names(folder)
            where try FileKind(path: FolderListing.join(folder, name)) == .folder {
                names.insert(name)
            }
        }
        return names.inByteOrder()
    }

    /// The lines of a file.
    private static func classNames(_ path: String) throws(DatasetError) -> [String] {
        let bytes: [UInt8]
        do throws(TensorFileError) {
            let file = try InputFile(path: path)
            guard file.byteCount <= 1 << 20 else {
                throw TensorFileError(path: path, reason: .unsupported("names of classes in \(file.byteCount) bytes"))
            }
            bytes = try file.bytes(0..<file.byteCount)
        } catch {
            throw .file(error)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformedFile(path: path, reason: "the names of the classes are not UTF-8 text")
        }
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        // What follows the end of the last line is no line.
        if lines.last?.isEmpty == true { lines.removeLast() }
        let names = lines.map { $0.trimmingCharacters(in: .whitespaces) }
        var numbers: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            guard !name.isEmpty else {
                throw .malformedFile(
                    path: path,
                    reason: "line \(index + 1) is empty, but the classes are numbered by their lines; remove it")
            }
            if let other = numbers.updateValue(index + 1, forKey: name) {
                throw .malformedFile(
                    path: path, reason: "lines \(other) and \(index + 1) both name the class '\(name)'; remove one")
            }
        }
        guard !names.isEmpty else { throw .malformedFile(path: path, reason: "it names no class") }
        return names
    }
}
