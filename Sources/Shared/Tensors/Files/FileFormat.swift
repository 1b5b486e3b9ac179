/// The kind of a data file, told by its first bytes.
public enum FileFormat: Sendable, Hashable {
    /// A NumPy array.
    case npy
    /// A NumPy archive, or another zip file.
    case npz
    /// Tensors in the safetensors format.
    case safetensors
    /// An IDX file.
    case idx
    /// A gzip file; of the formats here IDX files and tar archives come so.
    case gzip
    /// A Zstandard file; of the formats here tar archives come so.
    case zstandard
    /// A tar archive (POSIX or GNU).
    case tar
    /// A JPEG image.
    case jpeg
    /// A PNG image.
    case png

    /// How many bytes of a file are enough to tell its format.
    public static let startByteCount = 512
    /// Where a tar archive has its magic number.
    private static let tarMagicOffset = 257

    /// The format of a file that starts with `bytes`; `nil` when it is none of these.
    ///
    /// - Parameter bytes: The first `startByteCount` bytes, or all of a shorter file; images need only 8.
    public init?(start bytes: [UInt8]) {
        if bytes.starts(with: NPYHeader.magic) {
            self = .npy
        } else if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
            self = .npz
        } else if bytes.starts(with: GzipMember.magic) {
            self = .gzip
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            self = .zstandard
        } else if bytes.dropFirst(Self.tarMagicOffset).starts(with: Array("ustar".utf8)) {
            self = .tar
        } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{"),
            let headerByteCount = LittleEndianBytes(bytes).uint64(at: 0),
            headerByteCount <= Safetensors.maximumHeaderByteCount
        {
            self = .safetensors
        } else if IDXHeader.matches(bytes) {
            self = .idx
        } else {
            return nil
        }
    }
}
