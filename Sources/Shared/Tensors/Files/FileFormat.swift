/// The kind of a data file, told by its first bytes.
public enum FileFormat: Sendable, Hashable {
    /// A NumPy array.
    case npy
    /// A NumPy archive, or another zip file.
    case npz
    /// An IDX file.
    case idx
    /// A gzip file; of the formats here only IDX files come so.
    case gzip
    /// A JPEG image.
    case jpeg
    /// A PNG image.
    case png

    /// The format of a file that starts with `bytes` (8 are enough).
    ///
    /// - Returns: `nil` when it is none of these.
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
        } else if IDXHeader.matches(bytes) {
            self = .idx
        } else {
            return nil
        }
    }
}
