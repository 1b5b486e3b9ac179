/// The bounds that every frame is checked against before it is decoded; docs/protocol.md lists them.
public enum WireLimits {
    /// The version of the protocol this build speaks.
    public static let version: UInt32 = 1
    /// Bytes of a control frame.
    public static let controlFrameBytes = 65_536
    /// Bytes of a payload frame.
    public static let chunkBytes = 131_072
    /// Bytes that `MAXMSGSIZE` allows on a data socket: one payload frame.
    public static let dataFrameBytes = chunkBytes
    /// Chunks that a peer may have under way: the most credit a message can give.
    public static let creditChunks = 16
    /// UTF-8 bytes of a name (build, node, instruction set).
    public static let nameBytes = 256
    /// UTF-8 bytes of an explanation; a sender cuts longer ones.
    public static let textBytes = 1024
    /// UTF-8 bytes of an endpoint.
    public static let endpointBytes = 256
    /// Entries of a repeated field.
    public static let entries = 64
    /// Samples of one shard that may be left out: so many fit a control frame whatever their numbers are.
    public static let excludedSamples = 4096
    /// UTF-8 bytes of a client's JSON, and bytes of one piece of an answer to it: what fits a control frame.
    public static let clientBytes = 61_440
    /// Protobuf fields in one control frame, nested ones included.
    public static let fields = 1024
    /// How deep messages may nest: envelope, body, entry.
    public static let nesting = 3
    /// Bytes of one shard's statistics.
    public static let statisticsBytes = 1 << 28
    /// Bytes of one blob (a model file).
    public static let blobBytes = 1 << 40
    /// Bytes of one sample.
    public static let sampleBytes = 1 << 30

    /// Cuts a text to a number of UTF-8 bytes, at a character.
    public static func cut(_ text: String, toBytes limit: Int = textBytes) -> String {
        guard text.utf8.count > limit else { return text }
        var result = ""
        var used = 0
        for character in text {
            used += character.utf8.count
            if used > limit - 3 { break }
            result.append(character)
        }
        return result + "…"
    }
}
