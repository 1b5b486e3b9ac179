#if canImport(Glibc)
import Glibc
#endif

/// A whole file mapped read-only into memory; the system reads its pages when they are first touched.
///
/// Tensors over a mapped file keep it alive. The file must not be truncated while it is mapped: the system then ends
/// the process (SIGBUS). Files that somebody may be changing are read with `InputFile`.
@safe
public final class MappedFile: Sendable {
    /// The file, as the caller named it.
    public let path: String
    /// Size of the file in bytes when it was opened.
    public let byteCount: Int
    private let address: UInt

    /// Maps a regular file; an empty file is allowed.
    public init(path: String) throws(TensorFileError) {
        let file = try InputFile(path: path)
        self.path = path
        byteCount = file.byteCount
        guard byteCount > 0 else {
            address = 0
            return
        }
        // The mapping outlives the descriptor.
        let mapping = unsafe try file.withDescriptor { descriptor in
            unsafe mmap(nil, file.byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
        }
        guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
            throw .lastSystemError("map the file", path: path)
        }
        address = UInt(bitPattern: mapping)
    }

    deinit {
        if byteCount > 0 {
            unsafe munmap(UnsafeMutableRawPointer(bitPattern: address), byteCount)
        }
    }

    /// The bytes `range` of the file without copying them.
    ///
    /// - Throws: `truncated` when the range ends after the file.
    public func storage(_ range: Range<Int>) throws(TensorFileError) -> TensorStorage {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else {
            throw TensorFileError(
                path: path, reason: .truncated(needed: range.count, available: max(0, byteCount - range.lowerBound)))
        }
        guard !range.isEmpty else { return TensorStorage(uninitializedByteCount: 0) }
        let start = unsafe UnsafeRawPointer(bitPattern: address + UInt(range.lowerBound))
        return unsafe TensorStorage(
            unsafeBytes: UnsafeRawBufferPointer(start: start, count: range.count), owner: self)
    }

    /// All bytes of the file without copying them.
    public var storage: TensorStorage {
        guard byteCount > 0 else { return TensorStorage(uninitializedByteCount: 0) }
        let start = unsafe UnsafeRawPointer(bitPattern: address)
        return unsafe TensorStorage(unsafeBytes: UnsafeRawBufferPointer(start: start, count: byteCount), owner: self)
    }
}
