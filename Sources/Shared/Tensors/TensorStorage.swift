#if canImport(Glibc)
import Glibc
#endif

/// The bytes of one or several tensors, freed when the last tensor lets go of them; aligned to 64 bytes when allocated here.
///
/// A storage is written only while a single tensor holds it (`Tensor` checks that), so it can cross threads. The address
/// is kept as an integer because a pointer type would need an unchecked promise to the compiler that it may.
@safe
public final class TensorStorage: Sendable {
    /// What keeps the bytes alive.
    private enum Owner: Sendable {
        /// This object allocated them and frees them.
        case selfAllocated
        /// Another object does: a larger storage, or a mapped file. The bytes are read-only through this one.
        case other(any AnyObject & Sendable)
    }

    /// Alignment of allocated storage in bytes: one cache line, one AVX-512 register.
    public static let alignment = 64

    private let address: UInt
    /// Number of bytes.
    public let byteCount: Int
    private let owner: Owner

    /// Allocates storage without setting its bytes.
    public init(uninitializedByteCount byteCount: Int) {
        var pointer: UnsafeMutableRawPointer?
        // posix_memalign needs no multiple-of-alignment size; one byte keeps empty tensors at a valid address.
        let status = unsafe posix_memalign(&pointer, Self.alignment, max(byteCount, 1))
        guard status == 0, let pointer = unsafe pointer else {
            preconditionFailure("Out of memory: \(byteCount) bytes for a tensor")
        }
        self.address = UInt(bitPattern: pointer)
        self.byteCount = byteCount
        self.owner = .selfAllocated
    }

    /// Makes read-only storage over bytes that `owner` keeps alive and never changes.
    public init(unsafeBytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
        self.address = UInt(bitPattern: unsafeBytes.baseAddress)
        self.byteCount = unsafeBytes.count
        self.owner = .other(owner)
    }

    /// Makes read-only storage over a part of another.
    public convenience init(part range: Range<Int>, of parent: TensorStorage) {
        precondition(range.lowerBound >= 0 && range.upperBound <= parent.byteCount, "Part lies outside the storage")
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: parent.bytes[range])
        unsafe self.init(unsafeBytes: bytes, owner: parent)
    }

    /// Allocates storage that holds a copy of `bytes`.
    public convenience init(copying bytes: [UInt8]) {
        self.init(uninitializedByteCount: bytes.count)
        unsafe mutableBytes.copyBytes(from: bytes)
    }

    /// Allocates storage that holds a copy of `bytes`.
    public convenience init(copying bytes: UnsafeRawBufferPointer) {
        self.init(uninitializedByteCount: bytes.count)
        unsafe mutableBytes.copyMemory(from: bytes)
    }

    deinit {
        if case .selfAllocated = owner {
            unsafe free(UnsafeMutableRawPointer(bitPattern: address))
        }
    }

    /// Whether a tensor that is the only holder may write.
    var isOwnAllocation: Bool {
        if case .selfAllocated = owner { true } else { false }
    }

    /// The bytes, valid while the storage is held.
    public var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
    }

    /// A copy of the bytes as an array.
    public func copyBytes() -> [UInt8] {
        unsafe [UInt8](bytes)
    }

    /// Whether the bytes start at a multiple of `alignment` bytes.
    func isAligned(to alignment: Int) -> Bool {
        address % UInt(alignment) == 0
    }

    /// The bytes for writing; only for the single holder.
    var mutableBytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(bitPattern: address), count: byteCount)
    }
}
