import CArchive
import Glibc
import Tensors

/// The members of a tar archive from front to back, through libarchive; the archive may be compressed.
@safe
final class TarReader {
    /// One member.
    struct Member {
        let name: String
        let byteCount: Int
        /// Whether it is a file, and neither a folder, a link nor a device.
        let isFile: Bool
        /// Whether it is a folder.
        let isFolder: Bool
        /// Where its bytes start in the uncompressed archive.
        let offset: Int
    }

    private let archive: OpaquePointer
    private let path: String

    /// Longest name of a member that is read.
    private static let maximumNameByteCount = 4096
    private static let blockByteCount = 1 << 16

    /// Opens an archive.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - compression: `gzip`, `zstandard`, or `tar` when it is not compressed.
    /// - Throws: `malformedFile` when it is no such archive.
    init(path: String, compression: FileFormat) throws(DatasetError) {
        guard let archive = unsafe archive_read_new() else {
            throw .malformedFile(path: path, reason: "libarchive has no memory for it")
        }
        unsafe self.archive = unsafe archive
        self.path = path
        var status = unsafe archive_read_support_format_tar(archive)
        switch compression {
        case .gzip: status = min(status, unsafe archive_read_support_filter_gzip(archive))
        case .zstandard: status = min(status, unsafe archive_read_support_filter_zstd(archive))
        default: break
        }
        // Archives that were joined with 'cat' are one; without this, what follows the first would be left out unsaid.
        status = min(
            status, unsafe archive_read_set_format_option(archive, "tar", "read_concatenated_archives", "1"))
        guard status >= ARCHIVE_WARN else { throw failure("cannot be opened") }
        guard unsafe archive_read_open_filename(archive, path, Self.blockByteCount) == ARCHIVE_OK else {
            throw failure("cannot be opened")
        }
    }

    deinit {
        unsafe archive_read_free(archive)
    }

    /// Number of bytes that were decompressed so far.
    var byteCount: Int { Int(unsafe archive_filter_bytes(archive, 0)) }

    /// Number of bytes of the file that were read so far.
    var compressedByteCount: Int { Int(unsafe archive_filter_bytes(archive, -1)) }

    /// The next member; `nil` at the end.
    func next() throws(DatasetError) -> Member? {
        var entry: OpaquePointer?
        let status = unsafe archive_read_next_header(archive, &entry)
        if status == ARCHIVE_EOF { return nil }
        guard status >= ARCHIVE_WARN, let entry = unsafe entry else { throw failure("is damaged") }
        let size = Int(unsafe archive_entry_size(entry))
        let text = unsafe archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry)
        guard size >= 0, let text = unsafe text, unsafe strlen(text) <= Self.maximumNameByteCount,
            let name = unsafe String(validatingCString: text), !name.isEmpty
        else {
            throw .malformedFile(
                path: path,
                reason: "a member has a negative size, or a name that is empty, not UTF-8, or over "
                    + "\(Self.maximumNameByteCount) bytes")
        }
        guard unsafe archive_entry_sparse_count(entry) == 0 else {
            throw .malformedFile(
                path: path, reason: "member '\(name)' is a sparse file; make the archive without --sparse")
        }
        let type = unsafe archive_entry_filetype(entry)
        let isLink = unsafe archive_entry_hardlink(entry) != nil
        return Member(
            name: name, byteCount: size, isFile: type == S_IFREG && !isLink, isFolder: type == S_IFDIR,
            offset: byteCount)
    }

    /// Whether a file begins as a tar archive does.
    ///
    /// - Throws: `malformedFile` for one that is damaged at its beginning.
    static func isTar(path: String, compression: FileFormat) throws(DatasetError) -> Bool {
        do throws(DatasetError) {
            let reader = try TarReader(path: path, compression: compression)
            var entry: OpaquePointer?
            guard unsafe archive_read_next_header(reader.archive, &entry) >= ARCHIVE_WARN else {
                throw reader.failure("is damaged")
            }
            return true
        } catch {
            // The library has no code of its own for it, and finds out when it opens the file or reads it.
            guard case .malformedFile(_, let reason) = error, reason.contains("Unrecognized archive format") else {
                throw error
            }
            return false
        }
    }

    /// Reads the bytes of the current member in pieces.
    ///
    /// - Throws: `malformedFile` when the archive is damaged or ends within the member.
    func readPieces(_ body: ([UInt8]) throws(DatasetError) -> Void) throws(DatasetError) {
        while true {
            var count = 0
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: Self.blockByteCount) { buffer, filled in
                count = unsafe archive_read_data(archive, buffer.baseAddress, Self.blockByteCount)
                filled = max(count, 0)
            }
            guard count >= 0 else { throw failure("is damaged") }
            if count == 0 { return }
            try body(piece)
        }
    }

    private func failure(_ what: String) -> DatasetError {
        let text = unsafe archive_error_string(archive).map { unsafe String(cString: $0) } ?? "no reason is given"
        return .malformedFile(path: path, reason: "the tar archive \(what): \(text); make it again or copy it again")
    }
}
