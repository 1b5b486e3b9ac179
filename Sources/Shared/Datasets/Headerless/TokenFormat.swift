/// How lines of token ids become samples of one length.
public struct TokenFormat: Sendable, Hashable {
    /// Number of tokens of a sample; longer lines are cut off, shorter ones filled up.
    public let length: Int
    /// The id that fills up.
    public let padding: Int
    /// Whether ids are int64, as most exporters have them, or int32.
    public let isWide: Bool
    /// The input that takes the ids; `nil` for the only one.
    public let ids: String?
    /// The input that takes 1 for a token and 0 for filling.
    public let mask: String?
    /// The input that takes the segment of each token, which is 0.
    public let segments: String?

    /// Longest sample.
    static let maximumLength = 1 << 20

    /// Reads `LENGTH[,pad=ID][,type=int64|int32][,ids=NAME][,mask=NAME][,segments=NAME]`.
    init(text: String) throws(DatasetError) {
        func failure(_ reason: String) -> DatasetError {
            .unsupportedPath(path: "--data-format 'tokens:\(text)'", reason: reason)
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard let length = parts.first.flatMap({ Int($0) }), (1...Self.maximumLength).contains(length) else {
            throw failure("after 'tokens:' comes the length of a sample, from 1 to \(Self.maximumLength): tokens:128")
        }
        var values: [String: String] = [:]
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { throw failure("'\(part)' has no value: KEY=VALUE") }
            let key = String(part[..<equals])
            let value = String(part[part.index(after: equals)...])
            guard ["pad", "type", "ids", "mask", "segments"].contains(key), !value.isEmpty else {
                throw failure("'\(part)' is none of pad=ID, type=int64 or int32, ids=NAME, mask=NAME, segments=NAME")
            }
            guard values.updateValue(value, forKey: key) == nil else { throw failure("'\(key)' stands there twice") }
        }
        let type = values["type"] ?? "int64"
        guard type == "int64" || type == "int32" else { throw failure("'type=\(type)' is neither int64 nor int32") }
        guard let padding = Int(values["pad"] ?? "0"), (0...Int(Int32.max)).contains(padding) else {
            throw failure("'pad=\(values["pad"] ?? "")' is no token id from 0 to \(Int32.max)")
        }
        self.length = length
        self.padding = padding
        isWide = type == "int64"
        mask = values["mask"]
        segments = values["segments"]
        ids = values["ids"] ?? (mask == nil && segments == nil ? nil : "input_ids")
    }

    /// The text that `init(text:)` reads.
    var text: String {
        var text = "\(length),pad=\(padding),type=\(isWide ? "int64" : "int32")"
        for (key, value) in [("ids", ids), ("mask", mask), ("segments", segments)] {
            if let value { text += ",\(key)=\(value)" }
        }
        return text
    }
}
