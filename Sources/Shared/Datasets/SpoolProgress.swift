/// How far the copying of data that can be read only once has come.
public struct SpoolProgress: Sendable, Hashable {
    /// The archive, or what else the samples come from.
    public let name: String
    /// Samples of it so far.
    public let sampleCount: Int
    /// Bytes that were read of it so far; of an archive before they are decompressed.
    public let byteCount: Int
    /// Bytes of the archive; `nil` when nobody knows how many will come.
    public let totalByteCount: Int?
}
